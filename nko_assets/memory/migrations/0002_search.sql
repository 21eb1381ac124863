-- Search: by spelling and by meaning, over turns and motifs, in one function.

-- One spelling for what people type and what is stored: lower case, Latin letters without accents
-- and special letters, N'Ko without tones and with Western digits.
create function public.memory_fold(given text) returns text
    language plpgsql immutable strict parallel safe set search_path = ''
as $$
declare
    folded text := regexp_replace(
        lower(normalize(given, nfd)),
        -- Accents of Latin; tones of N'Ko, but not the marks that make another consonant or an
        -- ordinal (nko_assets.nko.strip_tones); what cannot be seen.
        '[\u0300-\u036f\u07ec\u07ee-\u07f1\u00ad\u0640\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]'
        || '|(?<![\u07db\u07dc\u07de])\u07eb'
        || '|(?<![\u07d6\u07d7\u07db\u07dc\u07dd\u07de\u07d5\u07d8\u07e4\u07d3\u07c0-\u07c9])\u07ed',
        '', 'g');
begin
    if folded ~ '[ɛɔŋɲɓɗƙ߀-߉]' then
        folded := translate(replace(folded, 'ɲ', 'ny'), 'ɛɔŋɓɗƙ߀߁߂߃߄߅߆߇߈߉', 'eonbdk0123456789');
    end if;
    return folded;
end
$$;
comment on function public.memory_fold(text) is 'The text without tones, accents and capitals, as it is compared.';

-- How writers of Manding spell the same sounds; long vowels count as short ones.
create function public.memory_latin_key(folded text) returns text
    language plpgsql immutable strict parallel safe set search_path = ''
as $$
begin
    folded := replace(replace(replace(replace(replace(
        folded, 'tch', 'c'), 'ty', 'c'), 'dj', 'j'), 'gn', 'ny'), 'ou', 'u');
    return replace(replace(replace(replace(replace(
        folded, 'aa', 'a'), 'ee', 'e'), 'ii', 'i'), 'oo', 'o'), 'uu', 'u');
end
$$;
comment on function public.memory_latin_key(text) is 'Folded Latin by its sound in Manding, whichever way it is spelled.';

-- The whole of a short text, so that a word comes before the sentences in which it occurs.
create function public.memory_label(folded text) returns text
    language plpgsql immutable strict parallel safe set search_path = ''
as $$
begin
    if length(folded) between 1 and 60 then
        return '=' || btrim(regexp_replace(folded, '[^[:alnum:]\u07ca-\u07f5]+', ' ', 'g'));
    end if;
    return null;
end
$$;
comment on function public.memory_label(text) is 'What stands for a folded text as a whole among its words; null for a long one.';

create function public.memory_document(content jsonb) returns tsvector
    language plpgsql immutable strict parallel safe set search_path = ''
as $$
declare
    nko constant text := public.memory_fold(content ->> 'nko_text');
    latin constant text := public.memory_latin_key(public.memory_fold(content ->> 'latin'));
    english constant text := coalesce(public.memory_fold(content ->> 'english'), '');
    french constant text := coalesce(public.memory_fold(content ->> 'french'), '');
begin
    return to_tsvector('pg_catalog.simple', nko)
        || to_tsvector('pg_catalog.simple', latin)
        || to_tsvector('pg_catalog.english', english)
        || to_tsvector('pg_catalog.french', french)
        || array_to_tsvector(array_remove(array[
            public.memory_label(nko), public.memory_label(latin),
            public.memory_label(english), public.memory_label(french)], null));
end
$$;
comment on function public.memory_document(jsonb) is 'The words of a turn or a motif, in all its languages.';

alter table public.memory_turns
    add column search tsvector generated always as (public.memory_document(content)) stored;
alter table public.memory_motifs
    add column search tsvector generated always as (public.memory_document(content)) stored;
comment on column public.memory_turns.search is 'The words of its content, folded, for search by spelling.';
comment on column public.memory_motifs.search is 'The words of its content, folded, for search by spelling.';

create index memory_turns_search on public.memory_turns using gin (search);
create index memory_motifs_search on public.memory_motifs using gin (search);
create index memory_motifs_video on public.memory_motifs (video_id);

-- Half precision: half the memory, the same neighbours. With the usual 64, 94 to 95 % of the ten
-- nearest of 80,000 turns are found; with 128, 97 %.
create index memory_turns_embedding on public.memory_turns
    using hnsw ((embedding::extensions.halfvec(384)) extensions.halfvec_cosine_ops)
    with (ef_construction = 128);
create index memory_turns_nko_embedding on public.memory_turns
    using hnsw ((nko_embedding::extensions.halfvec(384)) extensions.halfvec_cosine_ops)
    with (ef_construction = 128);
create index memory_motifs_embedding on public.memory_motifs
    using hnsw ((embedding::extensions.halfvec(384)) extensions.halfvec_cosine_ops)
    with (ef_construction = 128);
create index memory_motifs_nko_embedding on public.memory_motifs
    using hnsw ((nko_embedding::extensions.halfvec(384)) extensions.halfvec_cosine_ops)
    with (ef_construction = 128);
-- What is asked in English or French finds rows without a translation by their N'Ko.
create index memory_turns_untranslated on public.memory_turns
    using hnsw ((nko_embedding::extensions.halfvec(384)) extensions.halfvec_cosine_ops)
    with (ef_construction = 128) where embedding is null;
create index memory_motifs_untranslated on public.memory_motifs
    using hnsw ((nko_embedding::extensions.halfvec(384)) extensions.halfvec_cosine_ops)
    with (ef_construction = 128) where embedding is null;

-- How common a word is decides how much it says: full text search of Postgres does not know.
create table public.memory_words (
    word      text primary key,
    documents integer not null check (documents > 0),
    weight    real not null check (weight > 0)
);
comment on table public.memory_words is 'The common words of the memory; a word that is not here is rare.';
comment on column public.memory_words.word is 'As it stands in the columns search.';
comment on column public.memory_words.documents is 'How many turns and motifs hold it.';
comment on column public.memory_words.weight is 'What a match is worth: inverse document frequency.';
alter table public.memory_words enable row level security;
revoke all on public.memory_words from public, anon, authenticated, service_role;
grant select on public.memory_words to authenticated;
grant select, insert, update, delete on public.memory_words to service_role;
create policy "authenticated reads" on public.memory_words for select to authenticated using (true);
create policy "service writes" on public.memory_words to service_role using (true) with check (true);

create function public.memory_count_words() returns bigint
    language sql set search_path = ''
begin atomic
    with
    counted as materialized (
        select word, ndoc as documents
        from ts_stat('select search from public.memory_turns union all'
                     ' select search from public.memory_motifs')
        where ndoc >= 20),
    total as (
        select (select count(*) from public.memory_turns)
               + (select count(*) from public.memory_motifs) as documents),
    gone as (
        delete from public.memory_words old
        where not exists (select from counted new where new.word = old.word)),
    written as (
        insert into public.memory_words as old (word, documents, weight)
        select counted.word, counted.documents, ln(1 + total.documents::real / counted.documents)
        from counted, total
        on conflict (word) do update
            set documents = excluded.documents, weight = excluded.weight
            where (old.documents, old.weight) is distinct from (excluded.documents, excluded.weight))
    select count(*) from counted;
end;
comment on function public.memory_count_words() is 'Counts words anew, after rows were written; the number of common words.';

create function public.memory_words_of(query_text text)
    returns table (word text, weight real, documents integer, query tsquery)
    language sql stable set search_path = ''
begin atomic
    with
    spelled as (
        select public.memory_fold(query_text) as plain,
               public.memory_latin_key(public.memory_fold(query_text)) as sound),
    asked as (
        select unnest(tsvector_to_array(
            to_tsvector('pg_catalog.simple', plain) || to_tsvector('pg_catalog.simple', sound)
            || to_tsvector('pg_catalog.english', plain) || to_tsvector('pg_catalog.french', plain)
            )) as word
        from spelled
        union
        select public.memory_label(label) from spelled, unnest(array[plain, sound]) as label
        where public.memory_label(label) is not null)
    select asked.word,
           -- A word that is not among the common ones stands in fewer than 20 rows.
           coalesce(common.weight, 9.0),
           coalesce(common.documents, 10),
           ('''' || replace(replace(asked.word, '\', '\\'), '''', '''''') || '''')::tsquery
    from asked left join public.memory_words common on common.word = asked.word
    order by 3, 1
    limit 24;
end;
comment on function public.memory_words_of(text) is 'The words of a query, as they stand in the columns search: the rarest ones, rarest first.';

-- Reciprocal rank fusion (Cormack, Clarke and Buettcher, 2009) of a text half and a vector half. The
-- text half is two rankings: all rows with some of the words, and those among them that have every
-- word, so that what was looked for by its words is not buried under what is merely like it.
-- The vector half is rankings apart as well, because vectors of one language lie nearer to each other
-- than to those of another: query_embedding is compared with translations, and with the N'Ko of rows
-- that have none; query_nko_embedding with the N'Ko of all rows. Weights and the constant, 2 instead
-- of the usual 60, are those that did best on rows 0 to 399 of FLORES-200 dev.
create function public.memory_search(
    query_text text default '',
    query_embedding extensions.vector(384) default null,
    query_nko_embedding extensions.vector(384) default null,
    in_video text default null,
    of_types text[] default null,
    in_phase text default null,
    max_results integer default 20
)
    returns table (
        type text, id uuid, score double precision,
        text_rank bigint, complete_rank bigint, matched text[], meaning_rank bigint, nko_rank bigint,
        similarity double precision,
        video_id text, title text, url text, frame_id text, timestamp_ms bigint,
        phase text, content jsonb, source text, licence text, salience_score double precision)
    language plpgsql stable
    set search_path = ''
    set hnsw.ef_search = 100
    -- A filter would otherwise leave fewer rows than were asked for, without a word.
    set hnsw.iterative_scan = 'relaxed_order'
    -- To plan this anew takes longer than to run it.
    set plan_cache_mode = force_generic_plan
    set jit = off
as $$
#variable_conflict use_column
declare
    depth constant integer := least(greatest(max_results, 10) * 3, 200);
    -- How many rows are weighed exactly; common words would otherwise bring in every row.
    breadth constant integer := 100;
    with_turns constant boolean := of_types is null or 'turn' = any (of_types);
    with_motifs constant boolean := in_phase is null
        and (of_types is null or of_types && array['vocabulary', 'phrase', 'pattern']);
    asked_meaning constant extensions.halfvec(384) := query_embedding::extensions.halfvec(384);
    asked_nko constant extensions.halfvec(384) := query_nko_embedding::extensions.halfvec(384);
    everywhere constant boolean := in_video is null;
    conversation constant uuid := (
        select id from public.memory_conversations where video_id = in_video);
    every_word tsquery;
begin
    select plainto_tsquery('pg_catalog.simple', plain) || plainto_tsquery('pg_catalog.simple', sound)
           || plainto_tsquery('pg_catalog.english', plain)
           || plainto_tsquery('pg_catalog.french', plain)
    into every_word
    from (select public.memory_fold(query_text),
                 public.memory_latin_key(public.memory_fold(query_text))) as spelled (plain, sound);

    return query
    with
    asked as materialized (
        select word, weight, query, documents,
               sum(documents) over (order by documents, word) as reach
        from public.memory_words_of(query_text)),
    leading_words as materialized (
        select word, weight, query from asked where reach <= 1500
        union
        (select word, weight, query from asked order by reach limit 1)),

    found_turns as materialized (
        (select hit.id from leading_words
            cross join lateral (
                select id from public.memory_turns
                where with_turns and search @@ leading_words.query
                  and (everywhere or conversation_id = conversation)
                  and (in_phase is null or trajectory_phase = in_phase)
                limit 500) hit
            group by hit.id order by sum(leading_words.weight) desc limit breadth)
        union
        (select id from public.memory_turns
            where with_turns and search @@ every_word
              and (everywhere or conversation_id = conversation)
              and (in_phase is null or trajectory_phase = in_phase)
            limit breadth)),
    found_motifs as materialized (
        (select hit.id from leading_words
            cross join lateral (
                select id from public.memory_motifs
                where with_motifs and search @@ leading_words.query
                  and (everywhere or video_id = in_video)
                  and (of_types is null or motif_type = any (of_types))
                limit 500) hit
            group by hit.id order by sum(leading_words.weight) desc limit breadth)
        union
        (select id from public.memory_motifs
            where with_motifs and search @@ every_word
              and (everywhere or video_id = in_video)
              and (of_types is null or motif_type = any (of_types))
            limit breadth)),
    -- A document is read from disk once (|| makes a copy), whatever the number of words.
    weighed as (
        select 'turn' as kind, id, held.weight / (1 + 0.2 * ln(1 + length(document))) as weight,
               held.matched, document @@ every_word as complete
        from (select id, search || ''::tsvector as document
                from found_turns join public.memory_turns using (id) offset 0) documents
        cross join lateral (
            select sum(weight) as weight, array_agg(word order by weight desc, word) as matched
            from asked where document @@ asked.query) held
        where held.weight > 0
        union all
        select 'motif', id, held.weight / (1 + 0.2 * ln(1 + length(document))),
               held.matched, document @@ every_word
        from (select id, search || ''::tsvector as document
                from found_motifs join public.memory_motifs using (id) offset 0) documents
        cross join lateral (
            select sum(weight) as weight, array_agg(word order by weight desc, word) as matched
            from asked where document @@ asked.query) held
        where held.weight > 0),
    by_text as (
        select kind, id, matched, row_number() over (order by weight desc, id) as place,
               case when complete then row_number() over (order by not complete, weight desc, id)
               end as complete_place
        from weighed order by place limit depth),

    -- In one video there are few rows: there all of them are compared.
    meaning as (
        (select 'turn' as kind, id,
                embedding::extensions.halfvec(384) operator(extensions.<=>) asked_meaning as distance
            from public.memory_turns
            where with_turns and everywhere and asked_meaning is not null
              and (in_phase is null or trajectory_phase = in_phase)
            order by embedding::extensions.halfvec(384) operator(extensions.<=>) asked_meaning
            limit depth)
        union all
        (select 'motif', id,
                embedding::extensions.halfvec(384) operator(extensions.<=>) asked_meaning
            from public.memory_motifs
            where with_motifs and everywhere and asked_meaning is not null
              and (of_types is null or motif_type = any (of_types))
            order by embedding::extensions.halfvec(384) operator(extensions.<=>) asked_meaning
            limit depth)
        union all
        select 'turn', id, embedding operator(extensions.<=>) query_embedding
            from public.memory_turns
            where with_turns and conversation_id = conversation
              and (in_phase is null or trajectory_phase = in_phase)
        union all
        select 'motif', id, embedding operator(extensions.<=>) query_embedding
            from public.memory_motifs
            where with_motifs and video_id = in_video
              and (of_types is null or motif_type = any (of_types))),
    by_meaning as (
        select kind, id, 1 - distance as similarity,
               row_number() over (order by distance, id) as place
        from meaning where distance is not null order by place limit depth),
    untranslated as (
        (select 'turn' as kind, id,
                nko_embedding::extensions.halfvec(384) operator(extensions.<=>) asked_meaning as distance
            from public.memory_turns
            where with_turns and everywhere and asked_meaning is not null and embedding is null
              and (in_phase is null or trajectory_phase = in_phase)
            order by nko_embedding::extensions.halfvec(384) operator(extensions.<=>) asked_meaning
            limit depth)
        union all
        (select 'motif', id,
                nko_embedding::extensions.halfvec(384) operator(extensions.<=>) asked_meaning
            from public.memory_motifs
            where with_motifs and everywhere and asked_meaning is not null and embedding is null
              and (of_types is null or motif_type = any (of_types))
            order by nko_embedding::extensions.halfvec(384) operator(extensions.<=>) asked_meaning
            limit depth)
        union all
        select 'turn', id, nko_embedding operator(extensions.<=>) query_embedding
            from public.memory_turns
            where with_turns and conversation_id = conversation and embedding is null
              and (in_phase is null or trajectory_phase = in_phase)
        union all
        select 'motif', id, nko_embedding operator(extensions.<=>) query_embedding
            from public.memory_motifs
            where with_motifs and video_id = in_video and embedding is null
              and (of_types is null or motif_type = any (of_types))),
    by_untranslated as (
        select kind, id, 1 - distance as similarity,
               row_number() over (order by distance, id) as place
        from untranslated where distance is not null order by place limit depth),
    nko as (
        (select 'turn' as kind, id,
                nko_embedding::extensions.halfvec(384) operator(extensions.<=>) asked_nko as distance
            from public.memory_turns
            where with_turns and everywhere and asked_nko is not null
              and (in_phase is null or trajectory_phase = in_phase)
            order by nko_embedding::extensions.halfvec(384) operator(extensions.<=>) asked_nko
            limit depth)
        union all
        (select 'motif', id,
                nko_embedding::extensions.halfvec(384) operator(extensions.<=>) asked_nko
            from public.memory_motifs
            where with_motifs and everywhere and asked_nko is not null
              and (of_types is null or motif_type = any (of_types))
            order by nko_embedding::extensions.halfvec(384) operator(extensions.<=>) asked_nko
            limit depth)
        union all
        select 'turn', id, nko_embedding operator(extensions.<=>) query_nko_embedding
            from public.memory_turns
            where with_turns and conversation_id = conversation
              and (in_phase is null or trajectory_phase = in_phase)
        union all
        select 'motif', id, nko_embedding operator(extensions.<=>) query_nko_embedding
            from public.memory_motifs
            where with_motifs and video_id = in_video
              and (of_types is null or motif_type = any (of_types))),
    by_nko as (
        select kind, id, 1 - distance as similarity,
               row_number() over (order by distance, id) as place
        from nko where distance is not null order by place limit depth),
    by_vector as (
        select * from by_meaning union all select * from by_untranslated),
    fused as (
        select kind, id, by_text.place as text_rank,
               by_text.complete_place as complete_rank, by_text.matched,
               by_vector.place as meaning_rank, by_nko.place as nko_rank,
               greatest(by_vector.similarity, by_nko.similarity) as similarity,
               coalesce(1.0::double precision / (2 + by_text.place), 0)
               + coalesce(1.0::double precision / (2 + by_text.complete_place), 0)
               + coalesce(0.5::double precision / (2 + by_vector.place), 0)
               + coalesce(0.5::double precision / (2 + by_nko.place), 0) as score
        from by_text full join by_vector using (kind, id) full join by_nko using (kind, id)
        order by score desc, id limit max_results)
    select 'turn', fused.id, fused.score, fused.text_rank, fused.complete_rank,
           fused.matched, fused.meaning_rank, fused.nko_rank, fused.similarity,
           place.video_id, place.title, place.url, turn.frame_id, turn.timestamp_ms,
           turn.trajectory_phase, turn.content, 'lessons', place.licence,
           turn.salience_score
    from fused
    join public.memory_turns turn on fused.kind = 'turn' and turn.id = fused.id
    join public.memory_conversations place on place.id = turn.conversation_id
    union all
    select motif.motif_type, fused.id, fused.score, fused.text_rank, fused.complete_rank,
           fused.matched, fused.meaning_rank, fused.nko_rank, fused.similarity,
           motif.video_id, place.title, place.url, motif.frame_id, motif.timestamp_ms, null,
           motif.content, motif.source, motif.licence,
           motif.salience_score
    from fused
    join public.memory_motifs motif on fused.kind = 'motif' and motif.id = fused.id
    left join public.memory_conversations place on place.video_id = motif.video_id
    order by 3 desc, 2;
end
$$;
comment on function public.memory_search(text, extensions.vector, extensions.vector, text, text[], text, integer) is
    'Turns and motifs found by their words and by their meaning, best first. of_types: turn, vocabulary, phrase, pattern; in_phase leaves turns only.';

do $$
declare
    name text;
begin
    foreach name in array array[
        'memory_fold(text)', 'memory_latin_key(text)', 'memory_label(text)',
        'memory_document(jsonb)', 'memory_words_of(text)', 'memory_count_words()',
        'memory_search(text, extensions.vector, extensions.vector, text, text[], text, integer)'
    ] loop
        execute format('revoke all on function public.%s from public, anon, authenticated, service_role', name);
        execute format('grant execute on function public.%s to service_role', name);
        if name <> 'memory_count_words()' then
            execute format('grant execute on function public.%s to authenticated', name);
        end if;
    end loop;
end
$$;
