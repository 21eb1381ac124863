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
    text_key      uuid not null generated always as (md5(nko)::uuid) stored,
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
    -- What a decision would teach: here alone, and for all places with this text.
    teaches       double precision not null check (teaches >= 0),
    priority      double precision not null check (priority >= 0),
    -- The decision that is in effect on this text; an item without one is in the queue.
    decision      bigint references reviews.decisions (id),
    claimed_by    text,
    claimed_until timestamptz,
    check ((claimed_by is null) = (claimed_until is null))
) with (fillfactor = 80);

create index queued on reviews.items (priority desc, reading_id desc) where decision is null;
create index undecided on reviews.items (gate) where decision is null;
create index decided on reviews.items (decision) where decision is not null;
create index of_video on reviews.items (video_id);
create index with_text on reviews.items (text_key, teaches desc, reading_id desc);
create index first_of_text on reviews.items (text_key) where priority <> teaches;

-- In how many items a text occurs, and on how many of these a person decided. A title that is on
-- every frame occurs tens of thousands of times: it is counted as items come and go.
create table reviews.texts (
    key     uuid primary key,
    items   bigint not null,
    decided bigint not null
);

create function reviews.count_text() returns trigger language plpgsql set search_path = '' as $$
begin
    if tg_op <> 'INSERT' then
        update reviews.texts
        set items = items - 1, decided = decided - (old.decision is not null)::integer
        where key = old.text_key;
    end if;
    if tg_op <> 'DELETE' then
        insert into reviews.texts as text (key, items, decided)
        values (new.text_key, 1, (new.decision is not null)::integer)
        on conflict (key) do update
        set items = text.items + 1, decided = text.decided + excluded.decided;
    end if;
    return null;
end
$$;

create trigger counted after insert or delete on reviews.items
    for each row execute function reviews.count_text();
create trigger counted_again after update of nko, decision on reviews.items
    for each row
    when (old.nko <> new.nko or (old.decision is null) <> (new.decision is null))
    execute function reviews.count_text();

-- The owner writes; nobody else sees anything, also where other roles exist.
alter table reviews.queue enable row level security;
alter table reviews.decisions enable row level security;
alter table reviews.items enable row level security;
alter table reviews.texts enable row level security;
revoke execute on all functions in schema reviews from public;
