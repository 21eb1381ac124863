-- What the pages of the explorer show, a function each, so that a page is one question over either
-- way in. Everything is read through an index and comes in pages.

create index memory_motifs_by_salience on public.memory_motifs (motif_type, salience_score desc, id);
create index memory_motifs_by_spelling on public.memory_motifs (motif_type, nko_key collate "C", id);

create function public.memory_lessons(
    of_videos text[] default null, after_video text default '', max_lessons integer default 60
)
    returns table (video_id text, title text, url text, duration_ms bigint, licence text,
                   turns bigint, with_text bigint, validated bigint, cover text,
                   outcome_mean double precision, outcome_count bigint)
    language sql stable set search_path = '' set jit = off
begin atomic
    select place.video_id, place.title, place.url, place.duration_ms, place.licence,
           told.turns, told.with_text, told.validated, cover.frame_id,
           told.outcomes / nullif(told.outcome_count, 0), told.outcome_count
    from (
        select * from public.memory_conversations
        where (of_videos is null or memory_conversations.video_id = any (of_videos))
          and memory_conversations.video_id > after_video
        order by memory_conversations.video_id limit max_lessons) place
    cross join lateral (
        -- The salience of a frame on which nothing is accepted is 0.
        select count(*) as turns, count(*) filter (where salience_score > 0) as with_text,
               count(*) filter (where trajectory_phase = 'validation') as validated,
               sum(turn.outcome_mean * turn.outcome_count) as outcomes,
               sum(turn.outcome_count)::bigint as outcome_count
        from public.memory_turns turn where turn.conversation_id = place.id) told
    left join lateral (
        select frame_id from public.memory_turns turn
        where turn.conversation_id = place.id and salience_score > 0
        order by trajectory_depth limit 1) cover on true
    order by place.video_id;
end;
comment on function public.memory_lessons(text[], text, integer) is 'Videos with what their turns come to, by their ids: those named, or all, after one.';

create function public.memory_lesson_times(video text)
    returns table (trajectory_depth integer, timestamp_ms bigint, has_text boolean)
    language sql stable set search_path = ''
begin atomic
    select turn.trajectory_depth, turn.timestamp_ms, turn.salience_score > 0
    from public.memory_turns turn
    where turn.conversation_id = (
        select id from public.memory_conversations where video_id = memory_lesson_times.video)
    order by turn.trajectory_depth limit 1000;
end;
comment on function public.memory_lesson_times(text) is 'When each frame of a video appears; the first 1000.';

create function public.memory_lesson_turns(
    video text, after_depth integer default -1, max_turns integer default 40
)
    returns table (id uuid, frame_id text, timestamp_ms bigint, trajectory_depth integer,
                   trajectory_phase text, content jsonb, outcome_mean double precision,
                   outcome_count bigint)
    language sql stable set search_path = ''
begin atomic
    select turn.id, turn.frame_id, turn.timestamp_ms, turn.trajectory_depth,
           turn.trajectory_phase, turn.content, turn.outcome_mean, turn.outcome_count
    from public.memory_turns turn
    where turn.conversation_id = (
        select id from public.memory_conversations where video_id = memory_lesson_turns.video)
      and turn.trajectory_depth > after_depth
    order by turn.trajectory_depth limit max_turns;
end;
comment on function public.memory_lesson_turns(text, integer, integer) is 'Frames of a video in their order, after one.';

create function public.memory_recent_turns(max_turns integer default 20, after_seq bigint default 0)
    returns table (seq bigint, video_id text, title text, url text, frame_id text,
                   timestamp_ms bigint, trajectory_phase text, content jsonb,
                   created_at timestamptz)
    language sql stable set search_path = ''
begin atomic
    select turn.seq, place.video_id, place.title, place.url, turn.frame_id, turn.timestamp_ms,
           turn.trajectory_phase, turn.content - 'entries', turn.created_at
    from public.memory_turns turn
    join public.memory_conversations place on place.id = turn.conversation_id
    where turn.seq > after_seq
    order by turn.seq desc limit max_turns;
end;
comment on function public.memory_recent_turns(integer, bigint) is 'The turns that came last, the latest first.';

create function public.memory_running(points integer default 60)
    returns table (last_seq bigint, turns bigint, validated bigint, outcome_count bigint,
                   outcome_sum double precision, outcome_squares double precision)
    language sql stable set search_path = '' set jit = off
begin atomic
    select max(turn.seq), count(*),
           count(*) filter (where turn.trajectory_phase = 'validation'),
           sum(turn.outcome_count)::bigint, sum(turn.outcome_count * turn.outcome_mean),
           sum(turn.outcome_m2 + turn.outcome_count * turn.outcome_mean ^ 2)
    from public.memory_turns turn,
         (select min(seq) as first, max(seq) as last from public.memory_turns) ends
    group by (turn.seq - ends.first) * points / (ends.last - ends.first + 1)
    order by 1;
end;
comment on function public.memory_running(integer) is 'Turns in the order in which they came, in so many parts: how many, and the count, sum and sum of squares of their outcomes.';

create function public.memory_motif_counts()
    returns table (motif_type text, source text, motifs bigint)
    language sql stable set search_path = '' set jit = off
begin atomic
    select memory_motifs.motif_type, memory_motifs.source, count(*)
    from public.memory_motifs group by 1, 2 order by 3 desc, 1, 2;
end;
comment on function public.memory_motif_counts() is 'How many motifs there are of each type and source.';

create function public.memory_motifs_by_salience(
    of_type text, after_salience double precision default 2, after_id uuid default null,
    max_motifs integer default 60
)
    returns table (id uuid, motif_type text, source text, nko_key text, content jsonb,
                   frequency integer, salience_score double precision)
    language sql stable set search_path = ''
begin atomic
    select motif.id, motif.motif_type, motif.source, motif.nko_key, motif.content,
           motif.frequency, motif.salience_score
    from public.memory_motifs motif
    where motif.motif_type = of_type and motif.salience_score <= after_salience
      and (motif.salience_score < after_salience or motif.id > after_id)
    order by motif.salience_score desc, motif.id limit max_motifs;
end;
comment on function public.memory_motifs_by_salience(text, double precision, uuid, integer) is 'Motifs of a type, what is most worth learning first, after one.';

create function public.memory_motifs_by_spelling(
    of_type text, after_key text default '', after_id uuid default null,
    max_motifs integer default 60
)
    returns table (id uuid, motif_type text, source text, nko_key text, content jsonb,
                   frequency integer, salience_score double precision)
    language sql stable set search_path = ''
begin atomic
    select motif.id, motif.motif_type, motif.source, motif.nko_key, motif.content,
           motif.frequency, motif.salience_score
    from public.memory_motifs motif
    where motif.motif_type = of_type
      and motif.nko_key collate "C" >= after_key
      and (motif.nko_key collate "C" > after_key or motif.id > after_id or after_id is null)
    order by motif.nko_key collate "C", motif.id limit max_motifs;
end;
comment on function public.memory_motifs_by_spelling(text, text, uuid, integer) is 'Motifs of a type in the order of the N''Ko alphabet, after one.';

create function public.memory_motif(motif uuid)
    returns table (id uuid, motif_type text, source text, licence text, nko_key text,
                   content jsonb, frequency integer, salience_score double precision,
                   video_id text, frame_id text, timestamp_ms bigint, title text, url text)
    language sql stable set search_path = ''
begin atomic
    select found.id, found.motif_type, found.source, found.licence, found.nko_key, found.content,
           found.frequency, found.salience_score, found.video_id, found.frame_id,
           found.timestamp_ms, place.title, place.url
    from public.memory_motifs found
    left join public.memory_conversations place on place.video_id = found.video_id
    where found.id = memory_motif.motif;
end;
comment on function public.memory_motif(uuid) is 'A motif and its best place; no row when there is none.';

create function public.memory_motif_places(
    motif uuid, after_seq bigint default 0, max_places integer default 20
)
    returns table (seq bigint, video_id text, title text, url text, frame_id text,
                   timestamp_ms bigint, trajectory_phase text, content jsonb)
    language plpgsql stable set search_path = ''
    -- A word that is everywhere is found by walking, a rare one by its index: it must be known.
    set plan_cache_mode = force_custom_plan
    set jit = off
as $$
declare
    words constant tsquery := (
        select case when motif_type = 'pattern' then plainto_tsquery('pg_catalog.simple', folded)
                    else phraseto_tsquery('pg_catalog.simple', folded) end
        from public.memory_motifs,
             lateral (select public.memory_fold(memory_motifs.content ->> 'nko_text')) spelled (folded)
        where id = memory_motif_places.motif);
begin
    return query
    select turn.seq, place.video_id, place.title, place.url, turn.frame_id, turn.timestamp_ms,
           turn.trajectory_phase, turn.content - 'entries'
    from (
        select * from public.memory_turns
        where memory_turns.search @@ words and memory_turns.seq > after_seq
        order by memory_turns.seq limit max_places) turn
    join public.memory_conversations place on place.id = turn.conversation_id
    order by turn.seq;
end
$$;
comment on function public.memory_motif_places(uuid, bigint, integer) is 'Turns on which a motif is written, with whichever tones, in the order in which they came, after one.';

create function public.memory_motif_neighbours(motif uuid, max_neighbours integer default 12)
    returns table (id uuid, motif_type text, source text, content jsonb,
                   similarity double precision)
    language plpgsql stable set search_path = ''
    set hnsw.ef_search = 80
    set plan_cache_mode = force_generic_plan
    set jit = off
as $$
#variable_conflict use_column
declare
    meaning extensions.halfvec(384);
    nko extensions.halfvec(384);
    spelling text;
begin
    select embedding::extensions.halfvec(384), nko_embedding::extensions.halfvec(384), nko_key
    into meaning, nko, spelling
    from public.memory_motifs where id = memory_motif_neighbours.motif;
    -- The same word in other dictionaries is no neighbour; so some more are looked at.
    if meaning is not null then
        return query
        select near.id, near.motif_type, near.source, near.content, 1 - near.distance
        from (select *, embedding::extensions.halfvec(384) operator(extensions.<=>) meaning as distance
              from public.memory_motifs
              order by embedding::extensions.halfvec(384) operator(extensions.<=>) meaning
              limit max_neighbours * 3 + 1) near
        where near.nko_key <> spelling order by near.distance, near.id limit max_neighbours;
    elsif nko is not null then
        return query
        select near.id, near.motif_type, near.source, near.content, 1 - near.distance
        from (select *, nko_embedding::extensions.halfvec(384) operator(extensions.<=>) nko as distance
              from public.memory_motifs
              order by nko_embedding::extensions.halfvec(384) operator(extensions.<=>) nko
              limit max_neighbours * 3 + 1) near
        where near.nko_key <> spelling order by near.distance, near.id limit max_neighbours;
    end if;
end
$$;
comment on function public.memory_motif_neighbours(uuid, integer) is 'Motifs with the nearest meaning, the nearest first; none when nothing is known of its meaning.';

do $$
declare
    name text;
begin
    foreach name in array array[
        'memory_lessons(text[], text, integer)', 'memory_lesson_times(text)',
        'memory_lesson_turns(text, integer, integer)', 'memory_recent_turns(integer, bigint)',
        'memory_running(integer)', 'memory_motif_counts()',
        'memory_motifs_by_salience(text, double precision, uuid, integer)',
        'memory_motifs_by_spelling(text, text, uuid, integer)', 'memory_motif(uuid)',
        'memory_motif_places(uuid, bigint, integer)', 'memory_motif_neighbours(uuid, integer)'
    ] loop
        execute format('revoke all on function public.%s from public, anon, authenticated, service_role', name);
        execute format('grant execute on function public.%s to authenticated, service_role', name);
    end loop;
end
$$;
