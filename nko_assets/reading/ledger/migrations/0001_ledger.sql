-- The ledger of paid requests. A request is asked at most once at a time: it belongs to at most one
-- job, and each attempt has at most one answer.
create schema ledger;

create table ledger.jobs (
    name          text primary key,
    state         text not null check (state in (
                      'preparing', 'uploaded', 'submitted', 'running', 'succeeded',
                      'partially_succeeded', 'failed', 'expired', 'cancelled')),
    model         text not null,
    videos        integer not null,
    frames        integer not null,
    size          bigint not null,
    tokens        bigint not null,
    estimated_usd double precision not null,
    service_name  text unique,
    file_name     text,
    created_at    timestamptz not null,
    submitted_at  timestamptz,
    checked_at    timestamptz,
    create_after  timestamptz,
    finished_at   timestamptz,
    error         text not null default ''
);

create table ledger.requests (
    hash          text primary key check (hash ~ '^[0-9a-f]{64}$'),
    video_id      text not null,
    frame_id      text not null,
    timestamp_ms  bigint not null,
    model         text not null,
    width         integer not null,
    height        integer not null,
    settings      jsonb not null,
    attempt       integer not null default 1 check (attempt >= 1),
    -- Jobs in a row that ended without asking it: such a job is no attempt.
    failed_jobs   integer not null default 0,
    state         text not null default 'queued' check (state in (
                      'queued', 'claimed', 'submitted', 'answered', 'failed')),
    job_name      text references ledger.jobs (name),
    size          bigint not null,
    tokens        bigint not null,
    estimated_usd double precision not null,
    enqueued_at   timestamptz not null,
    -- Since when it waits for a job; until then, when that is to come.
    queued_at     timestamptz not null,
    check ((state = 'queued') = (job_name is null))
);

create index on ledger.requests (model, video_id, queued_at) where state = 'queued';
create index on ledger.requests (job_name, hash) where state in ('claimed', 'submitted');

-- One row an attempt: the last one is the request's answer, the others are its history.
create table ledger.answers (
    hash            text not null references ledger.requests (hash),
    attempt         integer not null,
    job_name        text not null references ledger.jobs (name),
    settings        jsonb not null,
    raw             text not null,
    status          text not null,
    reason          text not null,
    input_tokens    bigint not null,
    output_tokens   bigint not null,
    thinking_tokens bigint not null,
    cost_usd        double precision not null,
    received_at     timestamptz not null,
    primary key (hash, attempt)
);

-- Money and counts by job are read from the index alone, without the raw answers.
create index on ledger.answers (job_name) include (cost_usd, status);

-- Jobs at the service that an earlier ledger made, and when their answers were last looked through.
create table ledger.foreign_jobs (
    service_name text primary key,
    searched_at  timestamptz not null
);

-- The owner writes; nobody else sees anything, also where other roles exist.
alter table ledger.jobs enable row level security;
alter table ledger.requests enable row level security;
alter table ledger.answers enable row level security;
alter table ledger.foreign_jobs enable row level security;
