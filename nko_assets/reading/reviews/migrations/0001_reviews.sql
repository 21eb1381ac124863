-- What people decide about readings: the items they are asked about, and what they decided.
create schema reviews;

-- Which queue this is: what was put into one is not in another.
create table reviews.queue (
    id uuid not null default gen_random_uuid()
);
insert into reviews.queue default values;

-- One row a decision, or the undoing of one; nothing is ever changed or taken away. Readings that
-- are not queued, or not any more, have theirs too.
create table reviews.decisions (
    id          bigint generated always as identity primary key,
    reading_id  text not null,
    verdict     text not null check (verdict in ('accept', 'correct', 'reject', 'undo')),
    reviewer    text not null check (reviewer <> ''),
    decided_at  timestamptz not null,
    recorded_at timestamptz not null default clock_timestamp(),
    origin      text not null check (origin in ('explorer', 'label studio', 'file')),
    -- Before: the N'Ko that the reviewer saw, and what was read beside it where that is known.
    seen        text not null,
    english_was text,
    french_was  text,
    -- After: null leaves it as it was.
    nko         text,
    english     text,
    french      text,
    note        text,
    -- Whoever wants to undo what is undone finds it done.
    undoes      bigint unique references reviews.decisions (id),
    check ((verdict = 'undo') = (undoes is not null))
);

create index on reviews.decisions (reading_id, decided_at, id);

create function reviews.refuse() returns trigger language plpgsql set search_path = '' as $$
begin
    raise exception 'What people decided is never changed: add a row that undoes it.';
end
$$;

create trigger kept before update or delete on reviews.decisions
    for each row execute function reviews.refuse();
create trigger kept_whole before truncate on reviews.decisions
    for each statement execute function reviews.refuse();

-- One row a reading, as it was read, with what the gate says of it.
create table reviews.items (
    reading_id    text primary key,
    video_id      text not null,
    frame_id      text not null,
    entry         integer not null check (entry >= 0),
    timestamp_ms  bigint not null,
    nko           text not null,
    latin         text not null,
    latin_shown   text,
    english       text,
    french        text,
    box           integer[] not null,
    confidence    double precision,
    signals       text[] not null,
    gate          text not null check (gate in ('accepted', 'needs_review', 'rejected')),
    reason        text not null,
    said          jsonb not null,
    -- What a decision would teach, were this the only place with this text.
    teaches       double precision not null check (teaches >= 0),
    priority      double precision not null check (priority >= 0),
    -- The decision that is in effect on this text; an item without one is in the queue.
    decision      bigint references reviews.decisions (id),
    claimed_by    text,
    claimed_until timestamptz,
    check ((claimed_by is null) = (claimed_until is null))
) with (fillfactor = 80);

create index queued on reviews.items (priority desc, reading_id desc) where decision is null;
create index of_video on reviews.items (video_id);
create index with_text on reviews.items using hash (nko);

-- A text that occurs often comes first, until a person has decided on it in one place: then its
-- other places teach no more than that of a rare one. By powers of two, so that a row is seldom
-- written.
create function reviews.rank(texts text[]) returns void language sql set search_path = '' as $$
    update reviews.items item
    set priority = item.teaches * weighed.weight
    from (
        select nko,
            case when nko = '' or count(decision) > 0 then 1
                else 1 + floor(log(2, count(*))) end as weight
        from reviews.items
        where nko = any (texts)
        group by nko
    ) weighed
    where item.nko = weighed.nko and item.priority <> item.teaches * weighed.weight
$$;

-- The owner writes; nobody else sees anything, also where other roles exist.
alter table reviews.queue enable row level security;
alter table reviews.decisions enable row level security;
alter table reviews.items enable row level security;
revoke execute on all functions in schema reviews from public;
