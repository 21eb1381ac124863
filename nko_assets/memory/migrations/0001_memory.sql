-- The memory: a conversation for each video, a turn for each frame, edges between turns, and motifs
-- (words, phrases, patterns). For Postgres 16 to 18 and for Supabase.
--
-- Who may do what: service_role reads and writes, authenticated reads, anon nothing at all.

-- Supabase keeps its extensions in this schema; functions with an empty search path name it.
create schema if not exists extensions;
create extension if not exists vector with schema extensions;
do $$
declare
    place text;
begin
    select nspname into place
    from pg_catalog.pg_extension join pg_catalog.pg_namespace on pg_namespace.oid = extnamespace
    where extname = 'vector';
    if place <> 'extensions' then
        raise exception 'The extension vector lies in the schema %.', place
            using errcode = 'invalid_schema_name',
            hint = 'Move it: alter extension vector set schema extensions;';
    end if;
end
$$;
grant usage on schema extensions to public;

-- The roles of Supabase, so that what they may do is the same everywhere.
do $$
declare
    role_name text;
begin
    foreach role_name in array array['anon', 'authenticated', 'service_role'] loop
        if not exists (select from pg_catalog.pg_roles where rolname = role_name) then
            execute format('create role %I nologin noinherit', role_name);
        end if;
    end loop;
exception
    -- Roles belong to the whole server: another database of it may be made at this moment.
    when duplicate_object or unique_violation then null;
end
$$;
grant usage on schema public to authenticated, service_role;

create table public.memory_conversations (
    id          uuid primary key,
    video_id    text not null unique check (video_id <> ''),
    title       text not null,
    url         text not null,
    duration_ms bigint check (duration_ms >= 0),
    licence     text not null check (licence <> ''),
    created_at  timestamptz not null default now(),
    updated_at  timestamptz not null default now()
);
comment on table public.memory_conversations is 'One row a video: the lesson that its turns tell.';
comment on column public.memory_conversations.id is 'uuid5 of the video id.';
comment on column public.memory_conversations.video_id is 'Id of the video in its channel.';
comment on column public.memory_conversations.title is 'Title as people see it, its N''Ko normalized.';
comment on column public.memory_conversations.url is 'Page of the video, or the path of its file in the source folder.';
comment on column public.memory_conversations.duration_ms is 'Length in milliseconds; null when the source does not say.';
comment on column public.memory_conversations.licence is 'The note that travels with everything taken from the video.';
comment on column public.memory_conversations.created_at is 'When the row was first written.';
comment on column public.memory_conversations.updated_at is 'When the row last changed.';

create table public.memory_turns (
    id               uuid primary key,
    seq              bigint generated always as identity unique,
    conversation_id  uuid not null references public.memory_conversations (id) on delete cascade,
    frame_id         text not null unique check (frame_id <> ''),
    timestamp_ms     bigint not null check (timestamp_ms >= 0),
    trajectory_depth integer not null check (trajectory_depth >= 0),
    trajectory_phase text not null check (trajectory_phase in ('extraction', 'validation')),
    content          jsonb not null check (
                         jsonb_typeof(content) = 'object'
                         and jsonb_typeof(content -> 'nko_text') = 'string'
                         and jsonb_typeof(content -> 'latin') = 'string'
                         and jsonb_typeof(content -> 'translation') in ('string', 'null')
                         and jsonb_typeof(content -> 'entries') = 'array'),
    salience_score   double precision not null check (salience_score between 0 and 1),
    outcome_mean     double precision not null default 0,
    outcome_m2       double precision not null default 0 check (outcome_m2 >= 0),
    outcome_count    bigint not null default 0 check (outcome_count >= 0),
    embedding        extensions.vector(384),
    nko_embedding    extensions.vector(384),
    embedding_model  text check (embedding_model <> ''),
    created_at       timestamptz not null default now(),
    updated_at       timestamptz not null default now(),
    -- Frames of a video that is sampled anew change places with one another within a statement.
    unique (conversation_id, trajectory_depth) deferrable initially immediate,
    check (embedding_model is not null or (embedding is null and nko_embedding is null)),
    check (outcome_count > 0 or (outcome_mean = 0 and outcome_m2 = 0))
);
comment on table public.memory_turns is 'One row a kept frame of a video: what is written on it, in the order of the lesson.';
comment on column public.memory_turns.id is 'uuid5 of the frame id.';
comment on column public.memory_turns.seq is 'Grows in the order in which turns were committed, with gaps: who has seen n asks for what is above n.';
comment on column public.memory_turns.conversation_id is 'The video.';
comment on column public.memory_turns.frame_id is '<video_id>:<timestamp_ms> of the kept frame; names its picture.';
comment on column public.memory_turns.timestamp_ms is 'When the text first appeared, in milliseconds from the start of the video.';
comment on column public.memory_turns.trajectory_depth is 'Number of the frame in its video, from 0.';
comment on column public.memory_turns.trajectory_phase is 'extraction: read by one reader; validation: a person or a second reader confirmed what is accepted.';
comment on column public.memory_turns.content is 'nko_text, latin, translation (null when none is shown), english, french of what is accepted, and entries: each reading with its decision and its outcomes.';
comment on column public.memory_turns.salience_score is 'How much the turn teaches, 0 to 1.';
comment on column public.memory_turns.outcome_mean is 'Mean of its outcomes, each 0 (wrong) to 1 (right), by Welford''s method; 0 when there is none.';
comment on column public.memory_turns.outcome_m2 is 'Sum of squared differences from outcome_mean; divided by outcome_count, their variance.';
comment on column public.memory_turns.outcome_count is 'How many outcomes: confidences of readings, reviews, and those recorded by an app.';
comment on column public.memory_turns.embedding is 'Of the translation in English, by a sentence model; unit length; null when none is shown.';
comment on column public.memory_turns.nko_embedding is 'Of nko_text, by the N''Ko model, in the same space; unit length; null without text.';
comment on column public.memory_turns.embedding_model is 'The models of both embeddings; null when there is no embedding.';
comment on column public.memory_turns.created_at is 'When the row was first written.';
comment on column public.memory_turns.updated_at is 'When the row last changed.';

create table public.memory_turn_edges (
    id              uuid primary key,
    conversation_id uuid not null references public.memory_conversations (id) on delete cascade,
    from_turn       uuid not null references public.memory_turns (id) on delete cascade,
    to_turn         uuid not null references public.memory_turns (id) on delete cascade,
    edge_type       text not null check (edge_type in ('next', 'same_topic')),
    weight          double precision not null check (weight between 0 and 1),
    created_at      timestamptz not null default now(),
    updated_at      timestamptz not null default now(),
    unique (from_turn, to_turn, edge_type),
    check (from_turn <> to_turn)
);
create index on public.memory_turn_edges (conversation_id);
create index on public.memory_turn_edges (to_turn);
comment on table public.memory_turn_edges is 'How turns of a video hang together.';
comment on column public.memory_turn_edges.id is 'uuid5 of kind and both turns.';
comment on column public.memory_turn_edges.conversation_id is 'The video to which both turns belong.';
comment on column public.memory_turn_edges.from_turn is 'The earlier turn.';
comment on column public.memory_turn_edges.to_turn is 'The later turn.';
comment on column public.memory_turn_edges.edge_type is 'next: the turn that follows in the video; same_topic: a later turn about the same words.';
comment on column public.memory_turn_edges.weight is '1 for next; for same_topic the share of weighted words in common, 0 to 1.';
comment on column public.memory_turn_edges.created_at is 'When the row was first written.';
comment on column public.memory_turn_edges.updated_at is 'When the row last changed.';

create table public.memory_motifs (
    id              uuid primary key,
    motif_type      text not null check (motif_type in ('vocabulary', 'phrase', 'pattern')),
    source          text not null check (source <> ''),
    licence         text not null check (licence <> ''),
    nko_key         text not null,
    content         jsonb not null check (
                        jsonb_typeof(content) = 'object'
                        and jsonb_typeof(content -> 'nko_text') = 'string'
                        and jsonb_typeof(content -> 'latin') = 'string'
                        and jsonb_typeof(content -> 'translation') in ('string', 'null')),
    frequency       integer not null check (frequency >= 1),
    salience_score  double precision not null check (salience_score between 0 and 1),
    video_id        text check (video_id <> ''),
    frame_id        text check (frame_id <> ''),
    timestamp_ms    bigint check (timestamp_ms >= 0),
    embedding       extensions.vector(384),
    nko_embedding   extensions.vector(384),
    embedding_model text check (embedding_model <> ''),
    created_at      timestamptz not null default now(),
    updated_at      timestamptz not null default now(),
    check (embedding_model is not null or (embedding is null and nko_embedding is null)),
    -- A place in a video is known whole or not at all.
    check (num_nulls(video_id, frame_id, timestamp_ms) in (0, 3))
);
create index on public.memory_motifs (source, motif_type);
create index on public.memory_motifs (nko_key);
comment on table public.memory_motifs is 'What comes back in the lessons, or was imported: words, phrases, patterns.';
comment on column public.memory_motifs.id is 'uuid5 of type, source, text and translation.';
comment on column public.memory_motifs.motif_type is 'vocabulary: a word; phrase: a text with its translation; pattern: words that come back with others in one place.';
comment on column public.memory_motifs.source is 'lessons, or the name under which a dictionary or a parallel text was imported.';
comment on column public.memory_motifs.licence is 'The licence of the source, or of the videos it was seen in.';
comment on column public.memory_motifs.nko_key is 'The text by which two texts are the same: normalized, one line, no punctuation at the ends, tones kept.';
comment on column public.memory_motifs.content is 'nko_text, latin, translation (null when unknown), english, french, and what else the type has: pos, examples, sources.';
comment on column public.memory_motifs.frequency is 'Accepted readings that hold it; 1 for what was imported.';
comment on column public.memory_motifs.salience_score is 'How much it is worth learning, 0 to 1.';
comment on column public.memory_motifs.video_id is 'The video of its best reading; null for what was imported.';
comment on column public.memory_motifs.frame_id is 'The frame of its best reading; null for what was imported.';
comment on column public.memory_motifs.timestamp_ms is 'Where that is in the video, in milliseconds; null for what was imported.';
comment on column public.memory_motifs.embedding is 'Of the English meaning, by a sentence model; unit length; null when unknown.';
comment on column public.memory_motifs.nko_embedding is 'Of nko_text, by the N''Ko model, in the same space; unit length.';
comment on column public.memory_motifs.embedding_model is 'The models of both embeddings; null when there is no embedding.';
comment on column public.memory_motifs.created_at is 'When the row was first written.';
comment on column public.memory_motifs.updated_at is 'When the row last changed.';

-- Each outcome once, whoever repeats it: the statistics of a turn can be made again from them.
create table public.memory_turn_outcomes (
    turn_id     uuid not null references public.memory_turns (id) on delete cascade,
    source      text not null check (source <> ''),
    outcome     double precision not null check (outcome between 0 and 1),
    recorded_at timestamptz not null default now(),
    primary key (turn_id, source)
);
comment on table public.memory_turn_outcomes is 'What came of a turn when an app used it; those of its readings are in its content.';
comment on column public.memory_turn_outcomes.turn_id is 'The turn.';
comment on column public.memory_turn_outcomes.source is 'What makes the outcome one of its kind, such as an exercise and its learner; saying it again replaces it.';
comment on column public.memory_turn_outcomes.outcome is '0 (wrong) to 1 (right).';
comment on column public.memory_turn_outcomes.recorded_at is 'When it was last said.';

do $$
declare
    name text;
begin
    foreach name in array array['memory_conversations', 'memory_turns', 'memory_turn_edges',
                                'memory_motifs', 'memory_turn_outcomes'] loop
        execute format('alter table public.%I enable row level security', name);
        -- Older Supabase projects grant everything in public to everybody by default.
        execute format('revoke all on public.%I from public, anon, authenticated, service_role', name);
        execute format('grant select on public.%I to authenticated', name);
        execute format('grant select, insert, update, delete on public.%I to service_role', name);
        execute format('create policy "authenticated reads" on public.%I'
                       ' for select to authenticated using (true)', name);
        execute format('create policy "service writes" on public.%I'
                       ' to service_role using (true) with check (true)', name);
    end loop;
end
$$;
revoke all on sequence public.memory_turns_seq_seq from public, anon, authenticated, service_role;
-- What learners did is theirs.
drop policy "authenticated reads" on public.memory_turn_outcomes;
revoke select on public.memory_turn_outcomes from authenticated;

-- Different for each database: whoever loaded this one knows it again.
do $$
begin
    execute format('create function public.memory_identity() returns uuid'
                   ' language sql immutable set search_path = '''' as %L',
                   format('select %L::uuid', gen_random_uuid()));
end
$$;
comment on function public.memory_identity() is 'Tells this memory from one made anew at the same address.';

-- Loading: rows come into temporary tables, by COPY or from JSON, and are merged from there.

create function public.memory_incoming() returns void
    language plpgsql set search_path = ''
as $$
begin
    drop table if exists pg_temp.incoming_conversations, pg_temp.incoming_turns,
                         pg_temp.incoming_edges;
    create temporary table incoming_conversations on commit drop as
        select id, video_id, title, url, duration_ms, licence
        from public.memory_conversations with no data;
    create temporary table incoming_turns on commit drop as
        select id, conversation_id, frame_id, timestamp_ms, trajectory_depth, trajectory_phase,
               content, salience_score, outcome_mean, outcome_m2, outcome_count,
               embedding, nko_embedding, embedding_model
        from public.memory_turns with no data;
    create temporary table incoming_edges on commit drop as
        select id, conversation_id, from_turn, to_turn, edge_type, weight
        from public.memory_turn_edges with no data;
end
$$;
comment on function public.memory_incoming() is 'Makes empty temporary tables for the videos of this transaction.';

create function public.memory_merged_outcomes(
    turn uuid, inout mean double precision, inout m2 double precision, inout n bigint
)
    language plpgsql stable set search_path = ''
as $$
declare
    recorded record;
begin
    select count(*) as n, coalesce(avg(outcome), 0) as mean,
           coalesce(var_pop(outcome) * count(*), 0) as m2
    into recorded
    from public.memory_turn_outcomes where turn_id = turn;
    -- Chan, Golub and LeVeque (1979).
    if recorded.n > 0 then
        m2 := m2 + recorded.m2 + (recorded.mean - mean) ^ 2 * n * recorded.n / (n + recorded.n);
        mean := mean + (recorded.mean - mean) * recorded.n / (n + recorded.n);
        n := n + recorded.n;
    end if;
end
$$;
comment on function public.memory_merged_outcomes(uuid, double precision, double precision, bigint) is 'Mean, m2 and count of a turn''s readings, merged with what was recorded about it.';

create function public.memory_merge(
    out conversations_written bigint, out turns_written bigint, out turns_removed bigint,
    out edges_written bigint, out edges_removed bigint
)
    language plpgsql set search_path = ''
as $$
begin
    -- One load is committed after the other: a turn that appears later has a higher seq, and an
    -- outcome is recorded before its turn is merged or afterwards.
    perform pg_advisory_xact_lock(1852534530);

    insert into public.memory_conversations as kept
        (id, video_id, title, url, duration_ms, licence)
    select id, video_id, title, url, duration_ms, licence from pg_temp.incoming_conversations
    on conflict (id) do update set
        video_id = excluded.video_id, title = excluded.title, url = excluded.url,
        duration_ms = excluded.duration_ms, licence = excluded.licence, updated_at = now()
    where (kept.video_id, kept.title, kept.url, kept.duration_ms, kept.licence)
        is distinct from (excluded.video_id, excluded.title, excluded.url, excluded.duration_ms,
                          excluded.licence);
    get diagnostics conversations_written = row_count;

    delete from public.memory_turns kept using pg_temp.incoming_conversations incoming
    where kept.conversation_id = incoming.id
      and not exists (select from pg_temp.incoming_turns same where same.id = kept.id);
    get diagnostics turns_removed = row_count;

    -- Embeddings follow from content and models, so these are compared and not the vectors.
    insert into public.memory_turns as kept
        (id, conversation_id, frame_id, timestamp_ms, trajectory_depth, trajectory_phase, content,
         salience_score, outcome_mean, outcome_m2, outcome_count, embedding, nko_embedding,
         embedding_model)
    select id, conversation_id, frame_id, timestamp_ms, trajectory_depth, trajectory_phase, content,
           salience_score, outcome_mean, outcome_m2, outcome_count, embedding, nko_embedding,
           embedding_model
    from pg_temp.incoming_turns order by conversation_id, trajectory_depth
    on conflict (id) do update set
        conversation_id = excluded.conversation_id, frame_id = excluded.frame_id,
        timestamp_ms = excluded.timestamp_ms, trajectory_depth = excluded.trajectory_depth,
        trajectory_phase = excluded.trajectory_phase, content = excluded.content,
        salience_score = excluded.salience_score,
        (outcome_mean, outcome_m2, outcome_count) = (
            select mean, m2, n from public.memory_merged_outcomes(
                kept.id, excluded.outcome_mean, excluded.outcome_m2, excluded.outcome_count)),
        embedding = excluded.embedding, nko_embedding = excluded.nko_embedding,
        embedding_model = excluded.embedding_model, updated_at = now()
    where (kept.conversation_id, kept.frame_id, kept.timestamp_ms, kept.trajectory_depth,
           kept.trajectory_phase, kept.content, kept.salience_score, kept.embedding_model)
        is distinct from (excluded.conversation_id, excluded.frame_id, excluded.timestamp_ms,
                          excluded.trajectory_depth, excluded.trajectory_phase, excluded.content,
                          excluded.salience_score, excluded.embedding_model);
    get diagnostics turns_written = row_count;

    delete from public.memory_turn_edges kept using pg_temp.incoming_conversations incoming
    where kept.conversation_id = incoming.id
      and not exists (select from pg_temp.incoming_edges same where same.id = kept.id);
    get diagnostics edges_removed = row_count;

    insert into public.memory_turn_edges as kept
        (id, conversation_id, from_turn, to_turn, edge_type, weight)
    select id, conversation_id, from_turn, to_turn, edge_type, weight from pg_temp.incoming_edges
    on conflict (id) do update set
        conversation_id = excluded.conversation_id, from_turn = excluded.from_turn,
        to_turn = excluded.to_turn, edge_type = excluded.edge_type, weight = excluded.weight,
        updated_at = now()
    where (kept.conversation_id, kept.from_turn, kept.to_turn, kept.edge_type, kept.weight)
        is distinct from (excluded.conversation_id, excluded.from_turn, excluded.to_turn,
                          excluded.edge_type, excluded.weight);
    get diagnostics edges_written = row_count;
end
$$;
comment on function public.memory_merge() is 'Makes the videos in the temporary tables what the memory holds of them; rows that are as they should be stay untouched.';

create function public.memory_incoming_motifs() returns void
    language plpgsql set search_path = ''
as $$
begin
    drop table if exists pg_temp.incoming_motifs;
    create temporary table incoming_motifs on commit drop as
        select id, motif_type, source, licence, nko_key, content, frequency, salience_score,
               video_id, frame_id, timestamp_ms, embedding, nko_embedding, embedding_model
        from public.memory_motifs with no data;
end
$$;
comment on function public.memory_incoming_motifs() is 'Makes an empty temporary table for the motifs of this transaction.';

create function public.memory_merge_motifs() returns bigint
    language plpgsql set search_path = ''
as $$
declare
    written bigint;
begin
    insert into public.memory_motifs as kept
        (id, motif_type, source, licence, nko_key, content, frequency, salience_score, video_id,
         frame_id, timestamp_ms, embedding, nko_embedding, embedding_model)
    select id, motif_type, source, licence, nko_key, content, frequency, salience_score, video_id,
           frame_id, timestamp_ms, embedding, nko_embedding, embedding_model
    -- Always in one order, so that two loads of the same rows wait for, not block, each other.
    from pg_temp.incoming_motifs order by id
    on conflict (id) do update set
        motif_type = excluded.motif_type, source = excluded.source, licence = excluded.licence,
        nko_key = excluded.nko_key, content = excluded.content, frequency = excluded.frequency,
        salience_score = excluded.salience_score, video_id = excluded.video_id,
        frame_id = excluded.frame_id, timestamp_ms = excluded.timestamp_ms,
        embedding = excluded.embedding, nko_embedding = excluded.nko_embedding,
        embedding_model = excluded.embedding_model, updated_at = now()
    where (kept.motif_type, kept.source, kept.licence, kept.nko_key, kept.content, kept.frequency,
           kept.salience_score, kept.video_id, kept.frame_id, kept.timestamp_ms,
           kept.embedding_model)
        is distinct from (excluded.motif_type, excluded.source, excluded.licence, excluded.nko_key,
                          excluded.content, excluded.frequency, excluded.salience_score,
                          excluded.video_id, excluded.frame_id, excluded.timestamp_ms,
                          excluded.embedding_model);
    get diagnostics written = row_count;
    return written;
end
$$;
comment on function public.memory_merge_motifs() is 'Writes the motifs in the temporary table; how many were new or changed.';

-- The same over the REST API, which has no COPY. A video too large for one request is staged.

create table public.memory_staging (
    load       uuid not null,
    part       integer not null check (part >= 0),
    rows       json not null,
    created_at timestamptz not null default now(),
    primary key (load, part)
);
comment on table public.memory_staging is 'Parts of a video too large for one request, until memory_put_videos takes them.';
comment on column public.memory_staging.load is 'Which parts belong together.';
comment on column public.memory_staging.part is 'Number of the part, from 0.';
comment on column public.memory_staging.rows is 'Conversations, turns and edges, each an array of objects with the names of their columns.';
comment on column public.memory_staging.created_at is 'When it came; a part of an unfinished load is removed after a day.';
alter table public.memory_staging enable row level security;
revoke all on public.memory_staging from public, anon, authenticated, service_role;
grant select, insert, update, delete on public.memory_staging to service_role;
create policy "service writes" on public.memory_staging
    to service_role using (true) with check (true);

create function public.memory_put_videos(
    rows json, staged uuid default null, parts integer default 0,
    out conversations_written bigint, out turns_written bigint, out turns_removed bigint,
    out edges_written bigint, out edges_removed bigint
)
    language plpgsql set search_path = '' set statement_timeout = '60s'
as $$
declare
    part json;
    found_parts integer;
begin
    select count(*) into found_parts from public.memory_staging where load = staged;
    if found_parts <> memory_put_videos.parts then
        raise exception '% of % parts have come', found_parts, memory_put_videos.parts
            using errcode = 'no_data_found';
    end if;
    perform public.memory_incoming();
    for part in
        select memory_put_videos.rows
        union all
        select staging.rows from public.memory_staging staging where load = staged
    loop
        insert into pg_temp.incoming_conversations select * from json_to_recordset(part -> 'conversations')
            as (id uuid, video_id text, title text, url text, duration_ms bigint, licence text);
        insert into pg_temp.incoming_turns select * from json_to_recordset(part -> 'turns')
            as (id uuid, conversation_id uuid, frame_id text, timestamp_ms bigint,
                trajectory_depth integer, trajectory_phase text, content jsonb,
                salience_score double precision, outcome_mean double precision,
                outcome_m2 double precision, outcome_count bigint,
                embedding extensions.vector(384), nko_embedding extensions.vector(384),
                embedding_model text);
        insert into pg_temp.incoming_edges select * from json_to_recordset(part -> 'edges')
            as (id uuid, conversation_id uuid, from_turn uuid, to_turn uuid, edge_type text,
                weight double precision);
    end loop;
    select * from public.memory_merge() into conversations_written, turns_written, turns_removed,
                                             edges_written, edges_removed;
    delete from public.memory_staging
    where load = staged or created_at < now() - interval '1 day';
end
$$;
comment on function public.memory_put_videos(json, uuid, integer) is 'Makes the videos in `rows`, and in the staged parts, what the memory holds of them, all or nothing.';

create function public.memory_put_motifs(rows json) returns bigint
    language plpgsql set search_path = '' set statement_timeout = '60s'
as $$
begin
    perform public.memory_incoming_motifs();
    insert into pg_temp.incoming_motifs select * from json_to_recordset(memory_put_motifs.rows)
        as (id uuid, motif_type text, source text, licence text, nko_key text, content jsonb,
            frequency integer, salience_score double precision, video_id text, frame_id text,
            timestamp_ms bigint, embedding extensions.vector(384),
            nko_embedding extensions.vector(384), embedding_model text);
    return public.memory_merge_motifs();
end
$$;
comment on function public.memory_put_motifs(json) is 'Writes motifs; how many were new or changed.';

create function public.memory_remove_motifs(ids uuid[]) returns bigint
    language plpgsql set search_path = ''
as $$
declare
    removed bigint;
begin
    delete from public.memory_motifs where id = any(ids);
    get diagnostics removed = row_count;
    return removed;
end
$$;
comment on function public.memory_remove_motifs(uuid[]) is 'Removes motifs; how many there were.';

create function public.memory_counts(
    out conversations bigint, out turns bigint, out edges bigint, out motifs bigint
)
    language sql stable set search_path = ''
as $$
    select (select count(*) from public.memory_conversations),
           (select count(*) from public.memory_turns),
           (select count(*) from public.memory_turn_edges),
           (select count(*) from public.memory_motifs)
$$;
comment on function public.memory_counts() is 'How many rows the memory holds.';

create function public.memory_held(conversation uuid, out turns bigint, out edges bigint)
    language sql stable set search_path = ''
as $$
    select (select count(*) from public.memory_turns where conversation_id = conversation),
           (select count(*) from public.memory_turn_edges where conversation_id = conversation)
$$;
comment on function public.memory_held(uuid) is 'How many rows the memory holds of a video.';

create function public.memory_motifs_held(of_source text) returns bigint
    language sql stable set search_path = ''
as $$
    select count(*) from public.memory_motifs where source = of_source
$$;
comment on function public.memory_motifs_held(text) is 'How many motifs the memory holds of a source.';

create function public.memory_record_outcome(turn uuid, source text, outcome double precision)
    returns boolean
    language plpgsql set search_path = ''
as $$
#variable_conflict use_column
declare
    before double precision;
begin
    -- See memory_merge: not while a load is under way that may rewrite the turn.
    perform pg_advisory_xact_lock_shared(1852534530);
    perform from public.memory_turns where id = turn for update;
    if not found then
        raise exception 'The memory has no turn %', turn using errcode = 'no_data_found';
    end if;
    select recorded.outcome into before from public.memory_turn_outcomes recorded
    where recorded.turn_id = turn and recorded.source = memory_record_outcome.source;
    if before = memory_record_outcome.outcome then
        return false;
    end if;
    insert into public.memory_turn_outcomes as recorded (turn_id, source, outcome)
    values (turn, memory_record_outcome.source, memory_record_outcome.outcome)
    on conflict (turn_id, source) do update
        set outcome = excluded.outcome, recorded_at = now();
    if before is null then
        update public.memory_turns set
            outcome_count = outcome_count + 1,
            outcome_mean = outcome_mean
                + (memory_record_outcome.outcome - outcome_mean) / (outcome_count + 1),
            outcome_m2 = outcome_m2 + (memory_record_outcome.outcome - outcome_mean) ^ 2
                * outcome_count / (outcome_count + 1),
            updated_at = now()
        where id = turn;
    else
        -- One value takes the place of another: both differences, one from the new mean.
        update public.memory_turns set
            outcome_mean = outcome_mean + (memory_record_outcome.outcome - before) / outcome_count,
            outcome_m2 = greatest(0, outcome_m2 + (memory_record_outcome.outcome - before)
                * (memory_record_outcome.outcome + before - 2 * outcome_mean
                   - (memory_record_outcome.outcome - before) / outcome_count)),
            updated_at = now()
        where id = turn;
    end if;
    return true;
end
$$;
comment on function public.memory_record_outcome(uuid, text, double precision) is 'What came of a turn, 0 to 1, said by `source`; false when it had said so before.';

do $$
declare
    signature regprocedure;
begin
    for signature in
        select oid from pg_catalog.pg_proc
        where pronamespace = 'public'::regnamespace and proname like 'memory\_%'
    loop
        execute format('revoke all on function %s from public, anon, authenticated, service_role', signature);
        execute format('grant execute on function %s to service_role', signature);
    end loop;
end
$$;
grant execute on function public.memory_counts() to authenticated;
