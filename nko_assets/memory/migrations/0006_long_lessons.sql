-- A lesson may be of any length: its frames come in pages by their number, the timeline draws at most
-- a thousand parts of it, and where a moment is among the frames is counted here.

drop function public.memory_lesson_turns(text, integer, integer);

create function public.memory_lesson_turns(
    video text, first_turn integer default 0, max_turns integer default 40
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
    order by turn.trajectory_depth offset first_turn limit max_turns;
end;
comment on function public.memory_lesson_turns(text, integer, integer) is 'Frames of a video in their order, from the one with this number, counted from 0.';

create function public.memory_lesson_turns_until(video text, moment_ms bigint)
    returns table (turns bigint)
    language sql stable set search_path = ''
begin atomic
    select count(*)
    from public.memory_turns turn
    where turn.conversation_id = (
        select id from public.memory_conversations
        where video_id = memory_lesson_turns_until.video)
      and turn.timestamp_ms <= moment_ms;
end;
comment on function public.memory_lesson_turns_until(text, bigint) is 'How many frames of a video have appeared at a moment.';

create or replace function public.memory_lesson_times(video text)
    returns table (trajectory_depth integer, timestamp_ms bigint, has_text boolean)
    language sql stable set search_path = ''
begin atomic
    select min(timed.trajectory_depth), min(timed.timestamp_ms), bool_or(timed.salience_score > 0)
    from (
        select turn.trajectory_depth, turn.timestamp_ms, turn.salience_score,
               ntile(1000) over (order by turn.trajectory_depth) as part
        from public.memory_turns turn
        where turn.conversation_id = (
            select id from public.memory_conversations
            where video_id = memory_lesson_times.video)) timed
    group by timed.part order by 1;
end;
comment on function public.memory_lesson_times(text) is 'When each frame of a video appears; of more than 1000, in 1000 parts, whether text is on any frame of each.';

do $$
declare
    name text;
begin
    foreach name in array array[
        'memory_lesson_turns(text, integer, integer)', 'memory_lesson_turns_until(text, bigint)'
    ] loop
        execute format('revoke all on function public.%s from public, anon, authenticated, service_role', name);
        execute format('grant execute on function public.%s to authenticated, service_role', name);
    end loop;
end
$$;
