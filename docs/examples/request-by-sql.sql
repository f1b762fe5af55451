-- Requests operations by SQL, from whatever can talk to PostgreSQL.
--
--   psql "$DATABASE_URL" --file request-by-sql.sql
--
-- The role needs: grant usage on schema keiyaku; grant execute on function keiyaku.request(jsonb).
\set ON_ERROR_STOP on

-- On its own: {"answer": "accepted" | "duplicate", "operation": {…}}, or {"answer": "invalid_request" | "id_reused",
-- "field": …, "problem": …}. Sending it again is always safe.
select jsonb_pretty(keiyaku.request('{
  "id": "confirm-invoice-2026-0816",
  "kind": "confirm_payment",
  "contractId": "c-0001",
  "actor": {"type": "operator", "id": "alice"},
  "reason": "銀行振込を確認"
}')) as answer;

-- Inside a transaction of your own: your rows and the request are committed together, or neither is. The function answers a
-- refusal and does not raise it, so raise it yourself where your rows must not stand without the operation.
begin;

create temporary table suspended_orders (order_id text primary key, operation_id text not null); -- a table of yours
insert into suspended_orders values ('4712', 'suspend-order-4712');

do $$
declare
  answer constant jsonb := keiyaku.request('{
    "id": "suspend-order-4712",
    "kind": "suspend",
    "contractId": "c-0001",
    "actor": {"type": "service", "id": "shop"},
    "reason": "振込が確認できない"
  }');
begin
  if answer ->> 'answer' not in ('accepted', 'duplicate') then
    raise exception 'keiyaku refused the request: % %', answer ->> 'field', answer ->> 'problem';
  end if;
end $$;

commit;
