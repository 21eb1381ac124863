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
comment on column public.memory_turns.content is 'nko_text, latin, translation (null when none is shown), english, french of what is accepted, and entries: each accepted or waiting reading with its decision.';
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
