"""The pandera model of each table, from which JSON Schemas of the exports are generated."""
