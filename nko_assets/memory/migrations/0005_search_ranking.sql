-- Search, ranked anew: what the words of a row are worth depends on how much it stands out by them,
-- and the exact spelling comes before others that fold to the same letters.

-- As in 0002, except for what the words count: on rows 0 to 399 of FLORES-200 dev, which the weights
-- were chosen on, rows without a translation are found as well as by their vectors alone, and what is
-- asked by its words as well as by its words alone.
create or replace function public.memory_search(
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
    set hnsw.iterative_scan = 'off'
    -- To plan this anew takes longer than to run it.
    set plan_cache_mode = force_generic_plan
    set jit = off
as $$
#variable_conflict use_column
declare
    depth constant integer := least(greatest(max_results, 10) * 3, 200);
    -- How many rows are weighed exactly; common words would otherwise bring in every row.
    breadth constant integer := 40;
    with_turns constant boolean := of_types is null or 'turn' = any (of_types);
    with_motifs constant boolean := in_phase is null
        and (of_types is null or of_types && array['vocabulary', 'phrase', 'pattern']);
    asked_meaning constant extensions.halfvec(384) := query_embedding::extensions.halfvec(384);
    asked_nko constant extensions.halfvec(384) := query_nko_embedding::extensions.halfvec(384);
    everywhere constant boolean := in_video is null;
    conversation constant uuid := (
        select id from public.memory_conversations where video_id = in_video);
    plain constant text := public.memory_fold(query_text);
    sound constant text := public.memory_latin_key(plain);
    every_word constant tsquery :=
        plainto_tsquery('pg_catalog.simple', plain) || plainto_tsquery('pg_catalog.simple', sound)
        || plainto_tsquery('pg_catalog.english', plain)
        || plainto_tsquery('pg_catalog.french', plain);
begin
    -- A filter, or more rows than hnsw.ef_search, would otherwise leave fewer rows than were asked for,
    -- without a word; to be ready to go on costs a tenth.
    if depth > 100 or of_types is not null or in_phase is not null then
        perform set_config('hnsw.iterative_scan', 'relaxed_order', true);
    end if;

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
               held.matched, held.whole, document @@ every_word as complete, content
        from (select id, content, search || ''::tsvector as document
                from found_turns join public.memory_turns using (id) offset 0) documents
        cross join lateral (
            select sum(weight) as weight, array_agg(word order by weight desc, word) as matched,
                   bool_or(starts_with(word, '=')) as whole
            from asked where document @@ asked.query) held
        where held.weight > 0
        union all
        select 'motif', id, held.weight / (1 + 0.2 * ln(1 + length(document))),
               held.matched, held.whole, document @@ every_word, content
        from (select id, content, search || ''::tsvector as document
                from found_motifs join public.memory_motifs using (id) offset 0) documents
        cross join lateral (
            select sum(weight) as weight, array_agg(word order by weight desc, word) as matched,
                   bool_or(starts_with(word, '=')) as whole
            from asked where document @@ asked.query) held
        where held.weight > 0),
    -- Of rows with the same words the one that is spelled as the query comes first: folded, words
    -- that differ by their tones alone are the same. How much heavier a row is than the eleventh
    -- tells what its words are worth: a few words of a sentence stand in many rows.
    by_text as (
        select kind, id, matched, place, stands_out,
               case when complete then row_number() over (order by not complete, place)
               end as complete_place
        from (
            select kind, id, matched, complete,
                   row_number() over spelled as place,
                   1 - coalesce(nth_value(weight, 11) over (
                       spelled rows between unbounded preceding and unbounded following), 0)
                       / weight as stands_out
            from weighed
            window spelled as (
                order by weight desc,
                         case when whole then
                             query_text in (content ->> 'nko_text', lower(content ->> 'latin'))
                         end desc nulls last,
                         id)) placed
        order by place limit depth),

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
        select 0.3::double precision as worth, * from by_meaning
        union all
        select 0.5, * from by_untranslated),
    fused as (
        select kind, id, by_text.place as text_rank,
               by_text.complete_place as complete_rank, by_text.matched,
               by_vector.place as meaning_rank, by_nko.place as nko_rank,
               greatest(by_vector.similarity, by_nko.similarity) as similarity,
               coalesce(1.5 * by_text.stands_out / (2 + by_text.place), 0)
               + coalesce(1.0::double precision / (2 + by_text.complete_place), 0)
               + coalesce(by_vector.worth / (2 + by_vector.place), 0)
               + coalesce(0.3::double precision / (2 + by_nko.place), 0) as score
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
