-- Raises 40001 unless every counted part of a guarded statement met as many rows as its author expected.
create function keiyaku.expect_rows(part_names text[], expected bigint[], met bigint[]) returns boolean
language plpgsql immutable as $$
begin
  for part in 1 .. cardinality(expected) loop
    if expected[part] is distinct from met[part] then
      raise exception using
        errcode = '40001',
        message = format('part %s met %s rows where %s were expected', part_names[part], met[part], expected[part]);
    end if;
  end loop;
  return true;
end $$;
--> statement-breakpoint

-- SHA-256 of everything in a request but `requestedAt`: repeating a request at another time does not make it another one.
create function keiyaku.content_hash(request jsonb) returns text
language sql immutable as $$
  select encode(sha256(convert_to(
    coalesce(case when jsonb_typeof(request) = 'object' then request - 'requestedAt' else request end, 'null')::text,
    'UTF8')), 'hex')
$$;
--> statement-breakpoint

-- Writes down a request that does not become an operation. The same content refused again only counts. Nothing is kept of
-- what it said if it is for a contract that has been deleted, or comes under an id of one.
create function keiyaku.refuse(
  request_id text, contract_id text, code text, field text, problem text, content text, size_bytes integer,
  content_hash text
) returns jsonb
language plpgsql as $$
#variable_conflict use_column
declare
  is_erased constant boolean :=
    exists (select from keiyaku.tombstones t where t.contract_id = refuse.contract_id)
    or exists (select from keiyaku.erased_operations e where e.id = refuse.request_id);
begin
  insert into keiyaku.refused_requests as refused (
    request_id, contract_id, code, field, problem, content, size_bytes, content_hash)
  values (
    left(request_id, 200), left(contract_id, 200), code, left(field, 200), problem,
    case when is_erased then '' else left(content, 2000) end, size_bytes, content_hash)
  on conflict (content_hash, code) do update
    set times = refused.times + 1, last_refused_at = clock_timestamp();
  return jsonb_build_object('answer', code, 'field', field, 'problem', problem);
end $$;
--> statement-breakpoint

-- What is wrong with a request's envelope: {field, problem}, or null. Parameters are judged by their kind, at admission.
create function keiyaku.envelope_fault(request jsonb) returns jsonb
language plpgsql stable as $$
declare
  id_form constant text := '^[A-Za-z0-9._-]{1,64}$';
  id_problem constant text := 'must be 1 to 64 letters, digits, ''.'', ''_'' or ''-''';
  kinds constant text[] := enum_range(null::keiyaku.operation_kind)::text[];
  actor jsonb := request -> 'actor';
  unknown jsonb;
  requested_at timestamptz;
begin
  if jsonb_typeof(request) is distinct from 'object' then
    return jsonb_build_object('field', 'request', 'problem', 'must be a JSON object');
  end if;
  if octet_length(request::text) > 65536 then
    return jsonb_build_object('field', 'request', 'problem', 'must be at most 64 KiB');
  end if;
  unknown := request - array['id', 'kind', 'contractId', 'actor', 'params', 'reason', 'requestedAt', 'expectedPlan'];
  if unknown <> '{}' then
    return jsonb_build_object(
      'field', (select coalesce(nullif(left(key, 64), ''), 'request') from jsonb_object_keys(unknown) as key limit 1),
      'problem', 'is not a field of a request');
  end if;
  if jsonb_typeof(request -> 'id') is distinct from 'string' or (request ->> 'id') !~ id_form then
    return jsonb_build_object('field', 'id', 'problem', id_problem);
  end if;
  if jsonb_typeof(request -> 'kind') is distinct from 'string' or not (request ->> 'kind') = any (kinds) then
    return jsonb_build_object('field', 'kind', 'problem', 'must be one of ' || array_to_string(kinds, ', '));
  end if;
  if jsonb_typeof(request -> 'contractId') is distinct from 'string' or (request ->> 'contractId') !~ id_form then
    return jsonb_build_object('field', 'contractId', 'problem', id_problem);
  end if;
  if jsonb_typeof(actor) is distinct from 'object' then
    return jsonb_build_object('field', 'actor', 'problem', 'must be an object with type and id');
  end if;
  if (actor ->> 'type') is null or (actor ->> 'type') not in ('operator', 'customer', 'service') then
    return jsonb_build_object('field', 'actor.type', 'problem', 'must be operator, customer or service');
  end if;
  if jsonb_typeof(actor -> 'id') is distinct from 'string' or length(actor ->> 'id') not between 1 and 128 then
    return jsonb_build_object('field', 'actor.id', 'problem', 'must be a string of 1 to 128 characters');
  end if;
  if actor - 'type' - 'id' <> '{}' then
    return jsonb_build_object('field', 'actor', 'problem', 'has nothing but type and id');
  end if;
  if request ? 'params' then
    if jsonb_typeof(request -> 'params') <> 'object' then
      return jsonb_build_object('field', 'params', 'problem', 'must be an object');
    end if;
    if request @? 'strict $.params.**."__proto__"' then
      return jsonb_build_object('field', 'params', 'problem', 'must not have a key __proto__');
    end if;
    if request @? 'strict $.params.**{20 to last}' then
      return jsonb_build_object('field', 'params', 'problem', 'must be nested less than 20 levels deep');
    end if;
  end if;
  if request ? 'reason'
    and (jsonb_typeof(request -> 'reason') <> 'string' or length(request ->> 'reason') > 2000) then
    return jsonb_build_object('field', 'reason', 'problem', 'must be a string of at most 2000 characters');
  end if;
  if request ? 'expectedPlan'
    and (jsonb_typeof(request -> 'expectedPlan') <> 'string' or (request ->> 'expectedPlan') !~ '^[0-9a-f]{64}$') then
    return jsonb_build_object('field', 'expectedPlan', 'problem', 'must be the digest of a preview: 64 hexadecimal digits');
  end if;
  if request ? 'requestedAt' then
    begin
      requested_at := case when (request ->> 'requestedAt') ~ '^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)$'
        then (request ->> 'requestedAt')::timestamptz end;
    exception when others then
      requested_at := null;
    end;
    if requested_at is null then
      return jsonb_build_object('field', 'requestedAt', 'problem', 'must be an ISO 8601 time with its zone');
    end if;
    if requested_at > clock_timestamp() + interval '5 minutes' then
      return jsonb_build_object('field', 'requestedAt', 'problem', 'must not lie more than 5 minutes ahead');
    end if;
    if requested_at < clock_timestamp() - interval '31 days' then
      return jsonb_build_object('field', 'requestedAt', 'problem', 'must not lie more than 31 days back');
    end if;
  end if;
  return null;
end $$;
--> statement-breakpoint

-- The row that a request becomes when it is accepted: requested, and without a place in the order yet.
create function keiyaku.row_of(request jsonb, queued_at timestamptz, now_at timestamptz) returns keiyaku.operations
language plpgsql immutable as $$
declare
  o keiyaku.operations;
begin
  o.id := request ->> 'id';
  o.kind := (request ->> 'kind')::keiyaku.operation_kind;
  o.contract_id := request ->> 'contractId';
  o.actor_type := (request #>> '{actor,type}')::keiyaku.actor_type;
  o.actor_id := request #>> '{actor,id}';
  o.params := coalesce(request -> 'params', '{}');
  o.reason := request ->> 'reason';
  o.expected_plan := request ->> 'expectedPlan';
  o.requested_at := coalesce((request ->> 'requestedAt')::timestamptz, now_at);
  o.taken_at := least(queued_at, now_at);
  o.accepted_at := now_at;
  o.content_hash := keiyaku.content_hash(request || jsonb_build_object('params', o.params));
  o.state := 'requested';
  o.attempt := 0;
  o.attempts_counted := 0;
  o.occupies := false;
  o.rings := 0;
  o.retries := '[]';
  return o;
end $$;
--> statement-breakpoint

-- Accepts a request into the ledger, or says why not: behind every door there is this function.
--
-- `queued_at` is the moment at which a queue took the request, and decides its business date; null for other doors, for
-- which the workers are notified. Not for producers: they have keiyaku.request.
create function keiyaku.accept(request jsonb, queued_at timestamptz) returns jsonb
language plpgsql as $$
declare
  fault jsonb := keiyaku.envelope_fault(request);
  now_at constant timestamptz := clock_timestamp();
  o keiyaku.operations;
  found_operation keiyaku.operations;
  answer text := 'accepted';
begin
  if fault is not null then
    return keiyaku.refuse(
      case when jsonb_typeof(request) = 'object' then request ->> 'id' end,
      case when jsonb_typeof(request) = 'object' then request ->> 'contractId' end,
      'invalid_request', fault ->> 'field', fault ->> 'problem', coalesce(request::text, 'null'),
      coalesce(octet_length(request::text), 0), keiyaku.content_hash(request));
  end if;

  o := keiyaku.row_of(request, queued_at, now_at);
  if queued_at is not null then
    -- Numbers of one contract become visible in their order: the next is given out when the one before is committed. Only
    -- for requests that are accepted in a statement of their own; a producer's long transaction makes nobody wait.
    perform pg_advisory_xact_lock(1262840145, hashtext(request ->> 'contractId'));
  end if;
  if exists (select from keiyaku.erased_operations e where e.id = request ->> 'id') then
    -- What its content was is not known any more.
    return keiyaku.refuse(
      request ->> 'id', request ->> 'contractId', 'id_reused', 'id',
      'was used before, by an operation of a contract that has been deleted', request::text,
      octet_length(request::text), keiyaku.content_hash(request));
  end if;
  insert into keiyaku.operations (
    id, kind, contract_id, actor_type, actor_id, params, reason, requested_at, taken_at, accepted_at, content_hash,
    state, ring_at, expected_plan)
  values (
    o.id, o.kind, o.contract_id, o.actor_type, o.actor_id, o.params, o.reason, o.requested_at, o.taken_at, o.accepted_at,
    o.content_hash, o.state,
    -- Whoever took it from a queue is at work on it already. Nobody may have heard of one that came by another door.
    case when queued_at is null then now_at else now_at + interval '60 seconds' end,
    o.expected_plan)
  on conflict (id) do nothing
  returning * into found_operation;

  if found_operation.id is null then
    -- A new statement, so that a row which was committed while the insert waited for it can be seen.
    select * into found_operation from keiyaku.operations where id = request ->> 'id';
    if found_operation.id is null then
      raise exception using errcode = '40001', message = 'the operation was taken by a transaction that is not visible here';
    end if;
    if found_operation.content_hash <> o.content_hash then
      return keiyaku.refuse(
        request ->> 'id', request ->> 'contractId', 'id_reused', 'id',
        'was used before by a request with other content', request::text, octet_length(request::text),
        keiyaku.content_hash(request));
    end if;
    answer := 'duplicate';
  elsif queued_at is null then
    perform pg_notify('keiyaku_accepted', found_operation.id);
  end if;

  return jsonb_build_object('answer', answer, 'operation', jsonb_build_object(
    'id', found_operation.id, 'sequence', found_operation.sequence, 'kind', found_operation.kind,
    'contractId', found_operation.contract_id, 'state', found_operation.state,
    'acceptedAt', found_operation.accepted_at, 'outcome', found_operation.outcome,
    'rejectionCode', found_operation.rejection_code, 'rejectionDetail', found_operation.rejection_detail));
end $$;
--> statement-breakpoint

-- The door for producers, from any language. Answers {"answer": "accepted" | "duplicate", "operation": {…}} or
-- {"answer": "invalid_request" | "id_reused", "field", "problem"}.
--
-- May be called inside a transaction of the producer's own: the operation exists once that commits.
create function keiyaku.request(request jsonb) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  return keiyaku.accept(request, null);
end $$;
--> statement-breakpoint

-- An operation with everything that deciding about it needs: its row, its contract's world, its journal, and who else is
-- open on the contract. The row need not be in the ledger: a preview asks with one that nobody has requested. Locks nothing.
--
-- Stable, so that all of it is seen on the snapshot of whoever asks.
create function keiyaku.view_of(o keiyaku.operations) returns json
language plpgsql stable as $$
begin
  return (
    select json_build_object(
      'operation', row_to_json(o),
      'contract', row_to_json(c),
      'product', (select row_to_json(p) from keiyaku.products p where p.id = c.product_id),
      'payments', (
        select coalesce(json_agg(p order by p.period nulls first, p.id), '[]')
        from keiyaku.payments p where p.contract_id = o.contract_id),
      'refunds', (
        select coalesce(json_agg(r order by r.created_at, r.id), '[]')
        from keiyaku.refunds r where r.contract_id = o.contract_id),
      'licenses', (
        select coalesce(json_agg(l order by l.payment_id), '[]')
        from keiyaku.licenses l where l.contract_id = o.contract_id),
      'journal', case when o.attempt = 0 then '[]'::json else (
        select coalesce(json_agg(json_build_object(
          'name', s.name, 'type', s.type, 'request', s.request, 'idempotencyKey', s.idempotency_key,
          'keyNumber', s.key_number, 'answer', s.answer,
          'firstSentAgoMs', extract(epoch from clock_timestamp() - s.first_sent_at) * 1000,
          'lastSentAgoMs', extract(epoch from clock_timestamp() - s.last_sent_at) * 1000)), '[]')
        from keiyaku.stripe_calls s where s.operation_id = o.id) end,
      'tombstone', (select row_to_json(t) from keiyaku.tombstones t where t.contract_id = o.contract_id),
      'heldOperationId', (
        select h.id from keiyaku.operations h
        where h.contract_id = o.contract_id and h.state = 'held' and h.id <> o.id order by h.sequence limit 1),
      'olderOperationId', (
        select e.id from keiyaku.operations e
        where e.contract_id = o.contract_id and e.state in ('requested', 'executing', 'held')
          and e.sequence < o.sequence and not o.occupies
        order by e.sequence limit 1),
      'occupiedByOperationId', (
        select e.id from keiyaku.operations e
        where e.contract_id = o.contract_id and e.occupies and e.id <> o.id),
      'catalog', case when o.kind in ('register', 'replace_subscription') then json_build_object(
        'product', (select row_to_json(p) from keiyaku.products p where p.id = o.params ->> 'productId'),
        'customerKnown', exists (select from keiyaku.customers u where u.id = o.params ->> 'customerId'),
        'stripeReferenceTaken',
          exists (
            select from keiyaku.contracts k
            where k.stripe_subscription_id in (o.params #>> '{stripe,subscriptionId}', o.params ->> 'subscriptionId'))
          or exists (
            select from keiyaku.contracts k
            where k.former_stripe_subscription_ids && array_remove(
              array[o.params #>> '{stripe,subscriptionId}', o.params ->> 'subscriptionId'], null))
          or exists (
            select from keiyaku.contracts k
            where k.stripe_payment_intent_id = o.params #>> '{stripe,paymentIntentId}')
          or exists (
            select from keiyaku.tombstones t
            where t.stripe_ids && array_remove(
              array[o.params #>> '{stripe,subscriptionId}', o.params ->> 'subscriptionId',
                o.params #>> '{stripe,paymentIntentId}'], null))) end,
      'reportedEarly', case when o.kind = 'record_payment' then (
        select coalesce(json_agg(distinct e.params ->> 'paymentIntentId'), '[]')
        from keiyaku.operations e
        where e.contract_id = o.contract_id and e.kind in ('record_refund', 'record_dispute') and e.state = 'succeeded'
          and e.outcome -> 'attention' @> '[{"code": "payment_unknown"}]') else '[]' end,
      'isDue', coalesce(o.next_attempt_at < clock_timestamp() + interval '1 millisecond', true),
      'silentMs', extract(epoch from clock_timestamp() - o.touched_at) * 1000)
    from (select) as one left join keiyaku.contracts c on c.id = o.contract_id);
end $$;
--> statement-breakpoint

-- The view of a request that may be settled at once with its acceptance, as its operation would have it; null for what has to
-- go the whole way: what is not in order or known already, what waits for another operation, what may have to look at
-- Stripe, and what is held against a plan. Writes and locks nothing.
create function keiyaku.view_to_settle(request jsonb, queued_at timestamptz) returns json
language plpgsql stable as $$
declare
  o keiyaku.operations;
begin
  if keiyaku.envelope_fault(request) is not null or request ? 'expectedPlan'
    or exists (select from keiyaku.operations k where k.id = request ->> 'id')
    or exists (select from keiyaku.erased_operations e where e.id = request ->> 'id')
    or not exists (
      select from keiyaku.contracts c where c.id = request ->> 'contractId' and c.payment_method <> 'card')
    or exists (
      select from keiyaku.operations k
      where k.contract_id = request ->> 'contractId' and k.state in ('requested', 'executing', 'held')) then
    return null;
  end if;
  o := keiyaku.row_of(request, queued_at, clock_timestamp());
  o.sequence := 9223372036854775807;
  return keiyaku.view_of(o);
end $$;
--> statement-breakpoint

-- Accepts requests that have been settled in the calling statement, which is their admission too: {request, takenAt,
-- outcome}, a contract each. Raises 40001, and with that undoes the statement, unless each is its contract's next.
--
-- Volatile, so that it sees whatever was accepted before it got the contracts' locks: `keiyaku.accept` takes the same.
create function keiyaku.accept_settled(settled jsonb, guarded boolean) returns void
language plpgsql volatile as $$
declare
  now_at constant timestamptz := clock_timestamp();
begin
  perform pg_advisory_xact_lock(1262840145, key)
  from (
    select distinct hashtext(s #>> '{request,contractId}') as key
    from jsonb_array_elements(settled) as s order by key offset 0) as contracts;
  if exists (
    select from jsonb_array_elements(settled) as s
    join keiyaku.operations o on o.contract_id = s #>> '{request,contractId}'
      and o.state in ('requested', 'executing', 'held'))
    or exists (
      select from jsonb_array_elements(settled) as s
      join keiyaku.erased_operations e on e.id = s #>> '{request,id}') then
    raise exception using errcode = '40001', message = 'another operation of the contract came before';
  end if;
  insert into keiyaku.operations (
    id, kind, contract_id, actor_type, actor_id, params, reason, requested_at, taken_at, accepted_at, content_hash,
    state, attempt, attempts_counted, touched_at, outcome, concluded_at)
  select
    o.id, o.kind, o.contract_id, o.actor_type, o.actor_id, o.params, o.reason, o.requested_at, o.taken_at, o.accepted_at,
    o.content_hash, 'succeeded', 1, 1, now_at, s -> 'outcome', now_at
  from jsonb_array_elements(settled) as s
  cross join lateral keiyaku.row_of(s -> 'request', (s ->> 'takenAt')::timestamptz, now_at) as o;
end $$;
--> statement-breakpoint

-- The view of an operation of the ledger, on one snapshot; null when there is none of this id. Locks nothing.
--
-- Volatile, so that its snapshot is taken when it is called: it sees what the calling statement has written before.
create function keiyaku.operation_view(operation_id text) returns json
language plpgsql volatile as $$
begin
  return (select keiyaku.view_of(o) from keiyaku.operations o where o.id = operation_id);
end $$;
--> statement-breakpoint

-- The contract's operation whose turn it is, {operationId, attempt, ring}, if it waits for nothing else; null otherwise.
-- That is the one that occupies the contract, or the oldest open one: an older one may have become visible only later.
--
-- Volatile, and called at the end of the statement that frees the contract, whose row locks are held by then: whoever
-- looked before must have been accepted before, and is seen here; whoever looks later waits for that statement's commit.
create function keiyaku.next_operation(freed_contract_id text, guarded boolean) returns json
language plpgsql volatile as $$
begin
  return (
    select case when o.state = 'requested' and coalesce(o.next_attempt_at < clock_timestamp() + interval '1 millisecond', true)
      then json_build_object('operationId', o.id, 'attempt', o.attempt, 'ring', o.rings) end
    from keiyaku.operations o
    where o.contract_id = freed_contract_id and o.state in ('requested', 'executing', 'held')
    order by o.occupies desc, o.sequence limit 1);
end $$;
--> statement-breakpoint

-- Renewal n of a contract that started on that day: n months later, clamped to the end of a shorter month. The same as
-- `renewalDate` of src/contract/calendar.ts, which a property test holds.
create function keiyaku.renewal_date(start_on date, n integer) returns date
language sql immutable strict as $$
  select (start_on + make_interval(months => n))::date
$$;
--> statement-breakpoint

-- The index of the period that contains a day; negative before the start. The same as `periodOn` of src/contract/calendar.ts.
-- The renewal in the day's own month has come by then, or it is the one before.
create function keiyaku.period_index(start_on date, on_day date) returns integer
language sql immutable strict as $$
  select months - case when keiyaku.renewal_date(start_on, months) > on_day then 1 else 0 end
  from (select ((extract(year from on_day) - extract(year from start_on)) * 12
    + extract(month from on_day) - extract(month from start_on))::integer as months) as counted
$$;
--> statement-breakpoint

-- The id of an operation that a date brings, of at most 64 characters: kind, contract, due date, version of the cause, date of
-- the run. Where that is too long, a hash stands for contract and version, of at least 19 characters of 6 bits: 114 bits, of
-- which no two will ever be alike. A '-' in place of the version keeps the two forms apart.
create function keiyaku.scheduled_operation_id(
  kind text, contract_id text, due_on date, cause_version integer, run_on date
) returns text
language sql immutable strict as $$
  select case when length(plain) <= 64 then plain
    else kind || '.' || left(hash, 64 - length(kind) - 1 - length(tail)) || tail end
  from (select kind || '.' || contract_id || '.' || to_char(due_on, 'YYYYMMDD') || '.' || cause_version || '.'
      || to_char(run_on, 'YYYYMMDD') as plain,
    '.' || to_char(due_on, 'YYYYMMDD') || '.-.' || to_char(run_on, 'YYYYMMDD') as tail,
    translate(encode(sha256(convert_to(contract_id || ' ' || cause_version, 'UTF8')), 'base64'), '+/=', '-_') as hash) as named
$$;
--> statement-breakpoint

-- PostgreSQL lets everybody execute a new function. Ours are for the owner's workers; of them, those that run with the
-- owner's rights would let anybody write. A producer that asks through SQL is granted the door alone:
--   grant usage on schema keiyaku to <producer>;
--   grant execute on function keiyaku.request(jsonb) to <producer>;
revoke execute on all functions in schema keiyaku from public;
