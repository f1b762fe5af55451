#!/bin/sh
# Requests an operation over HTTP and waits for its outcome, with curl.
#
#   KEIYAKU_URL=http://127.0.0.1:8788 KEIYAKU_TOKEN=… sh request-by-http.sh
#
# The token is one of the server's API_TOKENS; its actor is the request's.
set -eu

# The token goes by standard input, so that no list of processes shows it. Sending the same request again is always safe.
call() {
  printf 'header = "authorization: Bearer %s"\n' "$KEIYAKU_TOKEN" |
    curl --config - --silent --show-error --fail-with-body --retry 5 --retry-connrefused "$@"
  echo
}

# 201: the ledger has it. 200: it had it before. Anything else is a problem with a code, a remedy and the field at fault.
call "${KEIYAKU_URL:-http://127.0.0.1:8788}/operations" \
  --header 'content-type: application/json' \
  --data '{"id": "cancel-order-4711", "kind": "cancel", "contractId": "c-0001", "reason": "申込みの誤り"}'

# Answers as soon as the operation is final or held, at the latest after 30 seconds.
call "${KEIYAKU_URL:-http://127.0.0.1:8788}/operations/cancel-order-4711?wait=30"
