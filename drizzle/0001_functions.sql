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
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select encode(sha256(convert_to(
    coalesce(case when jsonb_typeof(request) = 'object' then request - 'requestedAt' else request end, 'null')::text,
    'UTF8')), 'hex')
$$;
--> statement-breakpoint

-- Writes down a request that does not become an operation. The same content refused again only counts.
create function keiyaku.refuse(
  request_id text, code text, field text, problem text, content text, size_bytes integer, content_hash text
) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
begin
  insert into keiyaku.refused_requests as refused (request_id, code, field, problem, content, size_bytes, content_hash)
  values (left(request_id, 200), code, left(field, 200), problem, left(content, 2000), size_bytes, content_hash)
  on conflict (content_hash, code) do update
    set times = refused.times + 1, last_refused_at = clock_timestamp();
  return jsonb_build_object('answer', code, 'field', field, 'problem', problem);
end $$;
--> statement-breakpoint

-- What is wrong with a request's envelope: {field, problem}, or null. Parameters are judged by their kind, at admission.
create function keiyaku.envelope_fault(request jsonb) returns jsonb
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  id_form constant text := '^[A-Za-z0-9._-]{1,64}$';
  id_problem constant text := 'must be 1 to 64 letters, digits, ''.'', ''_'' or ''-''';
  kinds constant text[] := enum_range(null::keiyaku.operation_kind)::text[];
  actor jsonb := request -> 'actor';
  unknown_key text;
  requested_at timestamptz;
begin
  if jsonb_typeof(request) is distinct from 'object' then
    return jsonb_build_object('field', 'request', 'problem', 'must be a JSON object');
  end if;
  if octet_length(request::text) > 65536 then
    return jsonb_build_object('field', 'request', 'problem', 'must be at most 64 KiB');
  end if;
  select key into unknown_key from jsonb_object_keys(request) as key
    where key not in ('id', 'kind', 'contractId', 'actor', 'params', 'reason', 'requestedAt') limit 1;
  if unknown_key is not null then
    return jsonb_build_object('field', left(unknown_key, 64), 'problem', 'is not a field of a request');
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

-- The one door of the ledger. Accepts a request, or says why not; every other door calls this function.
--
-- Answers {"answer": "accepted" | "duplicate", "operation": {…}} or {"answer": "invalid_request" | "id_reused",
-- "field", "problem"}. May be called inside a transaction of the producer's own: the operation exists once it commits.
-- `queued_at` is the moment at which a queue took the request; it is given by the worker and by nobody else.
create function keiyaku.request(request jsonb, queued_at timestamptz default null) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  fault jsonb := keiyaku.envelope_fault(request);
  now_at constant timestamptz := clock_timestamp();
  params jsonb;
  hash text;
  found_operation keiyaku.operations;
  answer text := 'accepted';
begin
  if fault is not null then
    return keiyaku.refuse(
      case when jsonb_typeof(request) = 'object' then request ->> 'id' end,
      'invalid_request', fault ->> 'field', fault ->> 'problem', coalesce(request::text, 'null'),
      coalesce(octet_length(request::text), 0), keiyaku.content_hash(request));
  end if;

  params := coalesce(request -> 'params', '{}');
  hash := keiyaku.content_hash(request || jsonb_build_object('params', params));

  insert into keiyaku.operations (
    id, kind, contract_id, actor_type, actor_id, params, reason, requested_at, taken_at, accepted_at, content_hash,
    state, ring_at)
  values (
    request ->> 'id', (request ->> 'kind')::keiyaku.operation_kind, request ->> 'contractId',
    (request #>> '{actor,type}')::keiyaku.actor_type, request #>> '{actor,id}', params, request ->> 'reason',
    coalesce((request ->> 'requestedAt')::timestamptz, now_at), least(queued_at, now_at), now_at, hash,
    'requested',
    -- Whoever took it from a queue is at work on it already. Nobody may have heard of one that came by another door.
    case when queued_at is null then now_at else now_at + interval '60 seconds' end)
  on conflict (id) do nothing
  returning * into found_operation;

  if found_operation.id is null then
    -- A new statement, so that a row which was committed while the insert waited for it can be seen.
    select * into found_operation from keiyaku.operations where id = request ->> 'id';
    if found_operation.id is null then
      raise exception using errcode = '40001', message = 'the operation was taken by a transaction that is not visible here';
    end if;
    if found_operation.content_hash <> hash then
      return keiyaku.refuse(
        request ->> 'id', 'id_reused', 'id', 'was used before by a request with other content', request::text,
        octet_length(request::text), keiyaku.content_hash(request));
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
