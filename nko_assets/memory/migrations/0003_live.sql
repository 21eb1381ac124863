-- Live: whoever listens on `memory_turns` hears of each statement that inserts turns.

-- Numbers are drawn when rows are inserted and seen when they are committed, so without this a
-- reader who has seen 7 could miss 5. The lock is that of memory_merge, here for every writer: it
-- is taken before the first number is drawn and given back when all are there to see.
create function public.memory_turns_one_writer() returns trigger
    language plpgsql set search_path = ''
as $$
begin
    perform pg_advisory_xact_lock(1852534530);
    return null;
end
$$;
comment on function public.memory_turns_one_writer() is 'Lets one transaction after the other insert turns, so that seq grows in the order of commits.';

create trigger one_writer before insert on public.memory_turns
    for each statement execute function public.memory_turns_one_writer();

create function public.memory_turns_notify() returns trigger
    language plpgsql set search_path = ''
as $$
declare
    first bigint;
    last bigint;
begin
    select min(seq), max(seq) into first, last from inserted;
    -- Numbers only: a notification has room for 8000 bytes, and everyone who may connect hears it.
    if last is not null then
        perform pg_notify('memory_turns', first || '-' || last);
    end if;
    return null;
end
$$;
comment on function public.memory_turns_notify() is 'Tells the channel memory_turns the lowest and the highest seq of the turns just inserted.';

create trigger notify_inserted after insert on public.memory_turns
    referencing new table as inserted
    for each statement execute function public.memory_turns_notify();

-- Triggers need no permission of those whose statements fire them.
revoke all on function public.memory_turns_one_writer() from public, anon, authenticated, service_role;
revoke all on function public.memory_turns_notify() from public, anon, authenticated, service_role;
