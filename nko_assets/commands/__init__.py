"""Commands of the command line with subjects of their own; each module adds one to the app.

Here is what they share.
"""

from __future__ import annotations

import logging
import warnings


def quiet_dagster() -> None:
    """Dagster's advice on its own betas is for those who develop with it, not for those who run this."""
    warnings.filterwarnings("ignore", module="dagster")
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
