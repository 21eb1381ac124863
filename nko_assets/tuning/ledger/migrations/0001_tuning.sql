-- Jobs at a paid tuning service. A row is written before anything is sent; its money is in
-- ledger.expenses under the same name.
create schema tuning;

create table tuning.jobs (
    name         text primary key,
    request      text not null check (request ~ '^[0-9a-f]{64}$'),
    attempt      integer not null check (attempt >= 1),
    -- asked: the service was asked to make it, and may be making it.
    state        text not null check (state in (
                     'planned', 'asked', 'waiting', 'running', 'succeeded', 'failed', 'cancelled',
                     'expired')),
    model        text not null,
    service_name text unique,
    tuned_model  text,
    usd          double precision,
    note         text not null default '',
    ask_after    timestamptz,
    created_at   timestamptz not null,
    submitted_at timestamptz,
    finished_at  timestamptz,
    unique (request, attempt)
);

alter table tuning.jobs enable row level security;
