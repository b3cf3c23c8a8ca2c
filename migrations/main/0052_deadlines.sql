-- Deadlines by what they are about: at most one of each name for a stream. Which names there are, the program knows.
-- Firing is a command that looks at the time itself, and says when the next is due.
create table deadline (
    category text not null,
    stream_id uuid not null,
    name text not null,
    due_at timestamptz not null,
    primary key (category, stream_id, name)
);

create index deadline_due on deadline (due_at);

-- What was due for an attempt is due for the user name it was made under; what is forgotten is so by its own id.
insert into deadline (category, stream_id, name, due_at)
select case what when 'sign-up lapses' then 'sign_up' else 'account' end,
       case what when 'sign-up lapses' then stream_id else subject end,
       what,
       min(due_at)
from deadlines
group by 1, 2, 3;
