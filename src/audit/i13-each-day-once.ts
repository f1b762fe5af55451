import { type Invariant, pageOfContracts } from "./invariant.ts";

/** The latest date that a moment has in any zone: the audit does not know ours, and rather says nothing than too much. */
const latestDateOf = (moment: string) => `(${moment} at time zone 'Etc/GMT-14')::date`;

/** From one date's month to another's. */
const monthsBetween = (from: string, to: string) =>
  `((extract(year from ${to})::int - extract(year from ${from})::int) * 12
    + extract(month from ${to})::int - extract(month from ${from})::int)`;

/**
 * I13: every business date between the first and the last has its daily run, done before the next one's. What a date brings
 * was done once for each contract, and asked for at all: a contract that has not changed since a minute before the last done run
 * began, longer than a statement may take, and was due by then, has its operation of that date, or one that was open then. By card
 * Stripe's own boundary decides, which may lie some days beside ours: one that told of a later date, for the product as it stands,
 * need not be asked again before. Of what nobody collects by card every period has its record that was not over at the registration,
 * up to the one that is due next. What was over when a contract was registered is not due, nor is a reservation for a date before
 * that; nor one, or its release, for a date before the product's month stood.
 */
export const eachDayOnce: Invariant = {
  id: "I13",
  claim: "Every date had its daily run, and what it brought each contract was asked for and done once.",
  subjects: "contracts",
  page: pageOfContracts,
  violations: `
    with runs as (
      select business_date, state, lead(business_date) over (order by business_date) as next_date
      from keiyaku.maintenance_runs),
    done as (
      select business_date as on_date, started_at from keiyaku.maintenance_runs where state = 'done'
      order by business_date desc limit 1),
    unchanged as (
      select c.*, d.on_date, d.started_at - interval '1 minute' as since,
        ${monthsBetween("c.start_on", "d.on_date")} as months
      from keiyaku.contracts c, done d
      where c.id > $after and c.id <= $last and c.updated_at < d.started_at - interval '1 minute'
        and c.start_on <= d.on_date),
    running as (
      select u.*, n.period, (u.start_on + (n.period + 1) * interval '1 month')::date as next_on
      from unchanged u, lateral (
        select case when (u.start_on + u.months * interval '1 month')::date > u.on_date then u.months - 1 else u.months end
          as period) as n
      where u.status in ('active', 'special_period', 'termination_reserved', 'payment_unconfirmed')),
    due as (
      select id, on_date, 'start' as kind from unchanged where status = 'not_started'
      union all
      select id, on_date, 'terminate_at_renewal' from unchanged where termination_on <= on_date
      union all
      select id, on_date, 'end_special_period' from unchanged
      where status = 'special_period' and (start_on + special_months * interval '1 month')::date
        + case payment_method when 'card' then 4 else 0 end <= on_date
      union all
      select u.id, u.on_date, 'renew' from running u
      where u.payment_method <> 'card' and u.status <> 'payment_unconfirmed'
        and coalesce((u.start_on + u.period * interval '1 month')::date < u.termination_on, true)
        and u.next_on > ${latestDateOf("u.created_at")}
        and not exists (
          select from keiyaku.payments p where p.contract_id = u.id and p.period = u.period and p.state <> 'due')
      union all
      select u.id, u.on_date, 'reserve_by_product_month' from running u join keiyaku.products p on p.id = u.product_id
      where u.origin = 'application' and u.termination_source is distinct from 'product_month' and p.updated_at < u.since
        and coalesce(u.termination_on >= u.next_on, true)
        and to_char(u.next_on - case u.payment_method when 'card' then 4 else 0 end, 'YYYY-MM') >= p.automatic_termination_month
        and ${latestDateOf("p.automatic_termination_month_set_at")} <= u.on_date
        and ${latestDateOf("u.created_at")} <= u.on_date
        and not exists (
          select from keiyaku.operations o
          where o.contract_id = u.id and o.state = 'rejected' and o.kind::text = 'reserve_by_product_month'
            and o.rejection_detail ->> 'askAgainOn' > u.on_date::text and o.accepted_at >= p.updated_at)
      union all
      select u.id, u.on_date, 'release_by_product_month' from running u join keiyaku.products p on p.id = u.product_id
      where u.termination_source = 'product_month' and u.termination_on > u.on_date and p.updated_at < u.since
        and coalesce(to_char(u.termination_on, 'YYYY-MM') < p.automatic_termination_month, true)
        and ${latestDateOf("p.automatic_termination_month_set_at")} <= u.on_date),
    known as (
      select c.id, c.start_on, c.renewal_due_on,
        ${monthsBetween("c.start_on", "c.renewal_due_on")} as next_period,
        greatest(k.months - case when (c.start_on + k.months * interval '1 month')::date > k.registered_on then 1 else 0 end, 0)
          as first_period
      from keiyaku.contracts c, lateral (
        select d.registered_on, ${monthsBetween("c.start_on", "d.registered_on")} as months
        from (select ${latestDateOf("c.created_at")} as registered_on) as d) as k
      where c.id > $after and c.id <= $last and c.renewal_due_on is not null),
    gaps as (
      select k.id, (k.start_on + k.first_period * interval '1 month')::date as since, k.renewal_due_on,
        k.next_period - k.first_period as periods, (
          select count(*) from keiyaku.payments p
          where p.contract_id = k.id and p.period >= k.first_period and p.period < k.next_period and p.state <> 'due') as recorded
      from known k where k.first_period < k.next_period)
    select r.business_date::text as subject, format('no run between this date and %s', r.next_date) as detail
    from runs r where $after = '' and r.next_date > r.business_date + 1
    union all
    select r.business_date::text, format('is not done, and the run of %s has begun', r.next_date)
    from runs r where $after = '' and r.state <> 'done' and r.next_date is not null
    union all
    select o.contract_id, format('%s of %s was done %s times', o.kind, o.params ->> 'date', count(*))
    from keiyaku.operations o
    where o.contract_id > $after and o.contract_id <= $last and o.actor_type = 'schedule' and o.state = 'succeeded'
      and not coalesce((o.outcome ->> 'superseded')::boolean, false)
    group by o.contract_id, o.kind, o.params ->> 'date' having count(*) > 1
    union all
    select due.id, format('%s was due by %s, and nobody has asked for it', due.kind, due.on_date)
    from due where not exists (
      select from keiyaku.operations o
      where o.contract_id = due.id and o.actor_type = 'schedule' and o.kind::text = due.kind
        and (o.params ->> 'date' = due.on_date::text or o.state in ('requested', 'executing', 'held')
          or o.concluded_at >= (select started_at from done)))
    union all
    select g.id, format('has a record of %s of the %s periods that began between %s and %s', g.recorded, g.periods, g.since,
      g.renewal_due_on)
    from gaps g where g.recorded < g.periods`,
};
