-- What else is paid from the same budgets: tuning, and asking models when they are evaluated.
-- Written before anything is asked, with the estimate; the real cost takes its place afterwards.
create table ledger.expenses (
    name          text primary key check (name <> ''),
    purpose       text not null check (purpose <> ''),
    model         text not null check (model <> ''),
    estimated_usd double precision not null check (estimated_usd >= 0),
    actual_usd    double precision check (actual_usd >= 0),
    booked_at     timestamptz not null
);

alter table ledger.expenses enable row level security;
