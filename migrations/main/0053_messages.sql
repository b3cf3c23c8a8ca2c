-- Which of our messages a row is, and which part of its stream it tells of, if not of the whole: a number within it.
alter table outgoing_messages add column template text, add column part bigint;

update outgoing_messages m
set part = m.purchase,
    template = case
        when m.purchase is not null then 'purchase-is-made'
        when m.category = 'trip_booking' then 'trip-booking-reminder'
        when m.category = 'crew' then 'crew-invitation'
        else coalesce((
            select case e.data ->> 'purpose'
                       when 'sign_up' then 'sign-up-code'
                       when 'phone_change' then 'phone-code'
                       when 'email_change' then 'email-code'
                       when 'password_reset' then 'password-reset-code'
                       when 'login' then 'login-code'
                   end
            from events e
            where e.stream_id = m.stream_id and e.category = m.category and e.revision = m.revision
        ), 'unknown')
    end;

alter table outgoing_messages alter column template set not null;
