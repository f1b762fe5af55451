CREATE SCHEMA IF NOT EXISTS "keiyaku";
--> statement-breakpoint
CREATE TYPE "keiyaku"."actor_type" AS ENUM('operator', 'customer', 'service', 'schedule', 'stripe');--> statement-breakpoint
CREATE TYPE "keiyaku"."contract_kind" AS ENUM('one_time', 'monthly');--> statement-breakpoint
CREATE TYPE "keiyaku"."contract_origin" AS ENUM('application', 'operator');--> statement-breakpoint
CREATE TYPE "keiyaku"."contract_status" AS ENUM('awaiting_payment', 'not_started', 'established', 'active', 'special_period', 'termination_reserved', 'payment_unconfirmed', 'canceled', 'terminated');--> statement-breakpoint
CREATE TYPE "keiyaku"."dispute_state" AS ENUM('open', 'won', 'lost');--> statement-breakpoint
CREATE TYPE "keiyaku"."license_revocation" AS ENUM('suspended', 'refunded', 'canceled');--> statement-breakpoint
CREATE TYPE "keiyaku"."operation_kind" AS ENUM('register', 'cancel', 'cancel_manual_refund', 'cancel_with_refund', 'confirm_payment', 'suspend', 'resume', 'reserve_termination', 'withdraw_reservation', 'terminate', 'delete', 'refund_payment', 'record_manual_refund', 'waive_refund', 'replace_subscription', 'start', 'terminate_at_renewal', 'end_special_period', 'renew', 'reserve_by_product_month', 'release_by_product_month', 'record_payment', 'record_payment_failure', 'record_subscription_change', 'record_subscription_end', 'record_refund', 'record_dispute');--> statement-breakpoint
CREATE TYPE "keiyaku"."operation_state" AS ENUM('requested', 'executing', 'held', 'succeeded', 'rejected', 'abandoned');--> statement-breakpoint
CREATE TYPE "keiyaku"."payment_method" AS ENUM('card', 'bank_transfer', 'other');--> statement-breakpoint
CREATE TYPE "keiyaku"."payment_state" AS ENUM('due', 'paid', 'unpaid', 'never_charged', 'refunded');--> statement-breakpoint
CREATE TYPE "keiyaku"."payment_subject" AS ENUM('initial_fee', 'one_time_price', 'period');--> statement-breakpoint
CREATE TYPE "keiyaku"."product_access" AS ENUM('per_period', 'while_running');--> statement-breakpoint
CREATE TYPE "keiyaku"."refund_state" AS ENUM('due', 'pending', 'requires_action', 'succeeded', 'failed', 'canceled', 'manual_due', 'manual_done', 'waived');--> statement-breakpoint
CREATE TYPE "keiyaku"."rejection_code" AS ENUM('invalid_request', 'id_reused', 'contract_not_found', 'contract_exists', 'contract_deleted', 'stripe_reference_missing', 'subscription_mismatch', 'actor_not_allowed', 'operation_held', 'not_monthly', 'not_one_time', 'paid_by_card', 'not_paid_by_card', 'collected_by_stripe', 'status_not_allowed', 'renewal_date_today', 'renewal_date_reached', 'renewal_already_processed', 'reserved_by_product_month', 'subscription_not_running', 'period_unpaid', 'not_due', 'confirmation_missing', 'payment_not_found', 'payment_not_paid', 'already_refunded', 'payment_disputed', 'refund_not_owed', 'plan_changed');--> statement-breakpoint
CREATE TYPE "keiyaku"."reservation_source" AS ENUM('person', 'product_month', 'stripe');--> statement-breakpoint
CREATE TABLE "keiyaku"."book_checks" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "keiyaku"."book_checks_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"kind" text NOT NULL,
	"asked_by" text NOT NULL,
	"state" text DEFAULT 'running' NOT NULL,
	"cursor" text DEFAULT '' NOT NULL,
	"total" integer NOT NULL,
	"looked" integer DEFAULT 0 NOT NULL,
	"counts" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"findings" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"started_at" timestamp(3) with time zone DEFAULT clock_timestamp() NOT NULL,
	"done_at" timestamp(3) with time zone,
	CONSTRAINT "book_checks_kind_is_known" CHECK ("keiyaku"."book_checks"."kind" in ('reconcile', 'audit')),
	CONSTRAINT "book_checks_asked_by_is_known" CHECK ("keiyaku"."book_checks"."asked_by" in ('command', 'nightly')),
	CONSTRAINT "book_checks_state_is_known" CHECK ("keiyaku"."book_checks"."state" in ('running', 'done')),
	CONSTRAINT "book_checks_done_has_a_time" CHECK (("keiyaku"."book_checks"."state" = 'done') = ("keiyaku"."book_checks"."done_at" is not null)),
	CONSTRAINT "book_checks_looked_counts_up" CHECK ("keiyaku"."book_checks"."looked" >= 0 and "keiyaku"."book_checks"."total" >= 0),
	CONSTRAINT "book_checks_counts_is_object" CHECK (jsonb_typeof("keiyaku"."book_checks"."counts") = 'object'),
	CONSTRAINT "book_checks_findings_is_list" CHECK (jsonb_typeof("keiyaku"."book_checks"."findings") = 'array')
);
--> statement-breakpoint
CREATE TABLE "keiyaku"."contracts" (
	"id" text PRIMARY KEY NOT NULL,
	"product_id" text NOT NULL,
	"customer_id" text NOT NULL,
	"kind" "keiyaku"."contract_kind" NOT NULL,
	"payment_method" "keiyaku"."payment_method" NOT NULL,
	"origin" "keiyaku"."contract_origin" NOT NULL,
	"status" "keiyaku"."contract_status" NOT NULL,
	"currency" char(3) NOT NULL,
	"price_minor" bigint NOT NULL,
	"initial_fee_minor" bigint NOT NULL,
	"special_price_minor" bigint,
	"special_months" integer NOT NULL,
	"start_on" date NOT NULL,
	"termination_on" date,
	"termination_source" "keiyaku"."reservation_source",
	"termination_asked_by" "keiyaku"."reservation_source",
	"renewal_due_on" date,
	"ended_at" timestamp(3) with time zone,
	"stripe_customer_id" text,
	"stripe_subscription_id" text,
	"former_stripe_subscription_ids" text[] DEFAULT '{}' NOT NULL,
	"stripe_payment_intent_id" text,
	"version" integer NOT NULL,
	"changed_by_operation_id" text NOT NULL,
	"created_at" timestamp(3) with time zone DEFAULT clock_timestamp() NOT NULL,
	"updated_at" timestamp(3) with time zone DEFAULT clock_timestamp() NOT NULL,
	CONSTRAINT "contracts_id_form" CHECK ("keiyaku"."contracts"."id" ~ '^[A-Za-z0-9._-]{1,64}$'),
	CONSTRAINT "contracts_price_is_amount" CHECK ("keiyaku"."contracts"."price_minor" between 0 and 999999999999),
	CONSTRAINT "contracts_initial_fee_is_amount" CHECK ("keiyaku"."contracts"."initial_fee_minor" between 0 and 999999999999),
	CONSTRAINT "contracts_special_price_is_amount" CHECK ("keiyaku"."contracts"."special_price_minor" between 0 and 999999999999),
	CONSTRAINT "contracts_special_price_has_months" CHECK ("keiyaku"."contracts"."special_months" >= 0 and ("keiyaku"."contracts"."special_months" > 0) = ("keiyaku"."contracts"."special_price_minor" is not null)),
	CONSTRAINT "contracts_only_monthly_is_special" CHECK ("keiyaku"."contracts"."special_months" = 0 or "keiyaku"."contracts"."kind" = 'monthly'),
	CONSTRAINT "contracts_status_fits_kind" CHECK (case when "keiyaku"."contracts"."status" = 'established' then "keiyaku"."contracts"."kind" = 'one_time'
        when "keiyaku"."contracts"."status" in ('active', 'special_period', 'termination_reserved', 'payment_unconfirmed', 'terminated')
        then "keiyaku"."contracts"."kind" = 'monthly' else true end),
	CONSTRAINT "contracts_operator_never_by_card" CHECK ("keiyaku"."contracts"."origin" = 'application' or "keiyaku"."contracts"."payment_method" <> 'card'),
	CONSTRAINT "contracts_card_names_its_stripe_objects" CHECK (case when "keiyaku"."contracts"."payment_method" <> 'card'
        then num_nonnulls("keiyaku"."contracts"."stripe_customer_id", "keiyaku"."contracts"."stripe_subscription_id", "keiyaku"."contracts"."stripe_payment_intent_id") = 0
        when "keiyaku"."contracts"."kind" = 'monthly' then num_nulls("keiyaku"."contracts"."stripe_customer_id", "keiyaku"."contracts"."stripe_subscription_id") = 0
        else num_nulls("keiyaku"."contracts"."stripe_customer_id", "keiyaku"."contracts"."stripe_payment_intent_id") = 0 end),
	CONSTRAINT "contracts_reservation_is_whole" CHECK (("keiyaku"."contracts"."termination_on" is null) = ("keiyaku"."contracts"."termination_source" is null)
        and ("keiyaku"."contracts"."status" <> 'termination_reserved' or "keiyaku"."contracts"."termination_on" is not null)
        and ("keiyaku"."contracts"."termination_on" is null or "keiyaku"."contracts"."status" in ('termination_reserved', 'payment_unconfirmed'))),
	CONSTRAINT "contracts_asked_by_another_than_the_month" CHECK ("keiyaku"."contracts"."termination_asked_by" is null
        or ("keiyaku"."contracts"."termination_source" = 'product_month' and "keiyaku"."contracts"."termination_asked_by" <> 'product_month')),
	CONSTRAINT "contracts_end_has_a_time" CHECK (("keiyaku"."contracts"."status" in ('canceled', 'terminated')) = ("keiyaku"."contracts"."ended_at" is not null)),
	CONSTRAINT "contracts_former_subscriptions_are_former" CHECK ("keiyaku"."contracts"."former_stripe_subscription_ids" = '{}'
        or ("keiyaku"."contracts"."stripe_subscription_id" is not null and not "keiyaku"."contracts"."stripe_subscription_id" = any ("keiyaku"."contracts"."former_stripe_subscription_ids"))),
	CONSTRAINT "contracts_renewed_by_the_calendar" CHECK (("keiyaku"."contracts"."renewal_due_on" is not null) = ("keiyaku"."contracts"."kind" = 'monthly' and "keiyaku"."contracts"."payment_method" <> 'card')),
	CONSTRAINT "contracts_version_counts_from_one" CHECK ("keiyaku"."contracts"."version" >= 1)
);
--> statement-breakpoint
CREATE TABLE "keiyaku"."customers" (
	"id" text PRIMARY KEY NOT NULL,
	"email" text NOT NULL,
	"name" text NOT NULL,
	"locale" text NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp(3) with time zone DEFAULT clock_timestamp() NOT NULL,
	"updated_at" timestamp(3) with time zone DEFAULT clock_timestamp() NOT NULL,
	CONSTRAINT "customers_id_form" CHECK ("keiyaku"."customers"."id" ~ '^[A-Za-z0-9._-]{1,64}$'),
	CONSTRAINT "customers_locale_is_known" CHECK ("keiyaku"."customers"."locale" in ('ja', 'en')),
	CONSTRAINT "customers_version_counts_from_one" CHECK ("keiyaku"."customers"."version" >= 1),
	CONSTRAINT "customers_email_is_one_address" CHECK ("keiyaku"."customers"."email" ~ '^[^@\s]+@[^@\s]+$')
);
--> statement-breakpoint
CREATE TABLE "keiyaku"."erased_customers" (
	"id" text PRIMARY KEY NOT NULL,
	"version" integer NOT NULL,
	CONSTRAINT "erased_customers_id_form" CHECK ("keiyaku"."erased_customers"."id" ~ '^[A-Za-z0-9._-]{1,64}$'),
	CONSTRAINT "erased_customers_version_counts_from_one" CHECK ("keiyaku"."erased_customers"."version" >= 1)
);
--> statement-breakpoint
CREATE TABLE "keiyaku"."erased_operations" (
	"id" text PRIMARY KEY NOT NULL,
	"contract_id" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "keiyaku"."event_backfills" (
	"source" text PRIMARY KEY NOT NULL,
	"listed_until" timestamp(3) with time zone NOT NULL,
	"finished_at" timestamp(3) with time zone NOT NULL,
	"missed" integer NOT NULL,
	CONSTRAINT "event_backfills_one_row" CHECK ("keiyaku"."event_backfills"."source" = 'stripe'),
	CONSTRAINT "event_backfills_missed_counts_up" CHECK ("keiyaku"."event_backfills"."missed" >= 0)
);
--> statement-breakpoint
CREATE TABLE "keiyaku"."licenses" (
	"payment_id" text PRIMARY KEY NOT NULL,
	"contract_id" text NOT NULL,
	"granted_at" timestamp(3) with time zone DEFAULT clock_timestamp() NOT NULL,
	"revoked_at" timestamp(3) with time zone,
	"revoked_because" "keiyaku"."license_revocation",
	CONSTRAINT "licenses_revocation_is_whole" CHECK (("keiyaku"."licenses"."revoked_at" is null) = ("keiyaku"."licenses"."revoked_because" is null))
);
--> statement-breakpoint
CREATE TABLE "keiyaku"."maintenance_runs" (
	"business_date" date PRIMARY KEY NOT NULL,
	"phase" "keiyaku"."operation_kind",
	"cursor" jsonb,
	"requested" integer DEFAULT 0 NOT NULL,
	"rung_up_to" bigint DEFAULT 0 NOT NULL,
	"state" text NOT NULL,
	"started_at" timestamp(3) with time zone DEFAULT clock_timestamp() NOT NULL,
	"done_at" timestamp(3) with time zone,
	"result" jsonb,
	CONSTRAINT "maintenance_runs_result_is_object" CHECK (jsonb_typeof("keiyaku"."maintenance_runs"."result") = 'object'),
	CONSTRAINT "maintenance_runs_cursor_is_list" CHECK (jsonb_typeof("keiyaku"."maintenance_runs"."cursor") = 'array'),
	CONSTRAINT "maintenance_runs_requested_counts_up" CHECK ("keiyaku"."maintenance_runs"."requested" >= 0),
	CONSTRAINT "maintenance_runs_state_is_known" CHECK ("keiyaku"."maintenance_runs"."state" in ('running', 'done')),
	CONSTRAINT "maintenance_runs_running_has_a_phase" CHECK (("keiyaku"."maintenance_runs"."state" = 'running') = ("keiyaku"."maintenance_runs"."phase" is not null)),
	CONSTRAINT "maintenance_runs_done_looks_no_further" CHECK ("keiyaku"."maintenance_runs"."state" = 'running' or "keiyaku"."maintenance_runs"."cursor" is null),
	CONSTRAINT "maintenance_runs_done_has_a_time" CHECK (("keiyaku"."maintenance_runs"."state" = 'done') = ("keiyaku"."maintenance_runs"."done_at" is not null)),
	CONSTRAINT "maintenance_runs_done_has_result" CHECK (("keiyaku"."maintenance_runs"."state" = 'done') = ("keiyaku"."maintenance_runs"."result" is not null))
);
--> statement-breakpoint
CREATE TABLE "keiyaku"."notifications" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "keiyaku"."notifications_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"cause" text NOT NULL,
	"kind" text NOT NULL,
	"recipient" text NOT NULL,
	"address" text,
	"copy_of" bigint,
	"contract_id" text,
	"detail" jsonb NOT NULL,
	"state" text DEFAULT 'waiting' NOT NULL,
	"created_at" timestamp(3) with time zone DEFAULT clock_timestamp() NOT NULL,
	"attempt" integer DEFAULT 0 NOT NULL,
	"next_attempt_at" timestamp(3) with time zone DEFAULT clock_timestamp(),
	"problem" text,
	"resends" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"claimed_at" timestamp(3) with time zone,
	"sent_at" timestamp(3) with time zone,
	CONSTRAINT "notifications_detail_is_object" CHECK (jsonb_typeof("keiyaku"."notifications"."detail") = 'object'),
	CONSTRAINT "notifications_recipient_is_known" CHECK ("keiyaku"."notifications"."recipient" in ('customer', 'operators')),
	CONSTRAINT "notifications_only_operators_have_an_address" CHECK ("keiyaku"."notifications"."address" is null or "keiyaku"."notifications"."recipient" = 'operators'),
	CONSTRAINT "notifications_copy_has_an_address" CHECK ("keiyaku"."notifications"."copy_of" is null or "keiyaku"."notifications"."address" is not null),
	CONSTRAINT "notifications_state_is_known" CHECK ("keiyaku"."notifications"."state" in ('waiting', 'claimed', 'sent', 'refused', 'unknown')),
	CONSTRAINT "notifications_refused_has_a_problem" CHECK ("keiyaku"."notifications"."state" <> 'refused' or "keiyaku"."notifications"."problem" is not null),
	CONSTRAINT "notifications_attempts_count_up" CHECK ("keiyaku"."notifications"."attempt" >= 0),
	CONSTRAINT "notifications_resends_is_list" CHECK (jsonb_typeof("keiyaku"."notifications"."resends") = 'array'),
	CONSTRAINT "notifications_waiting_has_a_time" CHECK (("keiyaku"."notifications"."state" = 'waiting') = ("keiyaku"."notifications"."next_attempt_at" is not null)),
	CONSTRAINT "notifications_sent_has_a_time" CHECK (("keiyaku"."notifications"."state" = 'sent') = ("keiyaku"."notifications"."sent_at" is not null)),
	CONSTRAINT "notifications_claimed_has_a_time" CHECK (("keiyaku"."notifications"."state" = 'waiting') = ("keiyaku"."notifications"."claimed_at" is null))
);
--> statement-breakpoint
CREATE TABLE "keiyaku"."operations" (
	"id" text PRIMARY KEY NOT NULL,
	"sequence" bigint GENERATED ALWAYS AS IDENTITY (sequence name "keiyaku"."operations_sequence_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"kind" "keiyaku"."operation_kind" NOT NULL,
	"contract_id" text NOT NULL,
	"actor_type" "keiyaku"."actor_type" NOT NULL,
	"actor_id" text NOT NULL,
	"params" jsonb NOT NULL,
	"reason" text,
	"expected_plan" char(64),
	"requested_at" timestamp(3) with time zone NOT NULL,
	"taken_at" timestamp(3) with time zone NOT NULL,
	"accepted_at" timestamp(3) with time zone NOT NULL,
	"content_hash" char(64) NOT NULL,
	"state" "keiyaku"."operation_state" NOT NULL,
	"attempt" integer DEFAULT 0 NOT NULL,
	"attempts_counted" integer DEFAULT 0 NOT NULL,
	"occupies" boolean DEFAULT false NOT NULL,
	"next_attempt_at" timestamp(3) with time zone,
	"wait_reason" text,
	"ring_at" timestamp(3) with time zone,
	"rings" integer DEFAULT 0 NOT NULL,
	"touched_at" timestamp(3) with time zone,
	"frozen_facts" jsonb,
	"held_question" jsonb,
	"rejection_code" "keiyaku"."rejection_code",
	"rejection_detail" jsonb,
	"outcome" jsonb,
	"retries" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"abandonment" jsonb,
	"concluded_at" timestamp(3) with time zone,
	CONSTRAINT "operations_sequence_unique" UNIQUE("sequence"),
	CONSTRAINT "operations_id_form" CHECK ("keiyaku"."operations"."id" ~ '^[A-Za-z0-9._-]{1,64}$'),
	CONSTRAINT "operations_contract_id_form" CHECK ("keiyaku"."operations"."contract_id" ~ '^[A-Za-z0-9._-]{1,64}$'),
	CONSTRAINT "operations_params_is_object" CHECK (jsonb_typeof("keiyaku"."operations"."params") = 'object'),
	CONSTRAINT "operations_frozen_facts_is_object" CHECK (jsonb_typeof("keiyaku"."operations"."frozen_facts") = 'object'),
	CONSTRAINT "operations_held_question_is_object" CHECK (jsonb_typeof("keiyaku"."operations"."held_question") = 'object'),
	CONSTRAINT "operations_rejection_detail_is_object" CHECK (jsonb_typeof("keiyaku"."operations"."rejection_detail") = 'object'),
	CONSTRAINT "operations_outcome_is_object" CHECK (jsonb_typeof("keiyaku"."operations"."outcome") = 'object'),
	CONSTRAINT "operations_abandonment_is_object" CHECK (jsonb_typeof("keiyaku"."operations"."abandonment") = 'object'),
	CONSTRAINT "operations_retries_is_list" CHECK (jsonb_typeof("keiyaku"."operations"."retries") = 'array'),
	CONSTRAINT "operations_attempts_count_up" CHECK ("keiyaku"."operations"."attempt" >= "keiyaku"."operations"."attempts_counted" and "keiyaku"."operations"."attempts_counted" >= 0),
	CONSTRAINT "operations_final_has_a_time" CHECK (("keiyaku"."operations"."state" in ('succeeded', 'rejected', 'abandoned')) = ("keiyaku"."operations"."concluded_at" is not null)),
	CONSTRAINT "operations_succeeded_has_outcome" CHECK (("keiyaku"."operations"."state" = 'succeeded') = ("keiyaku"."operations"."outcome" is not null)),
	CONSTRAINT "operations_rejected_has_code" CHECK (("keiyaku"."operations"."state" = 'rejected') = ("keiyaku"."operations"."rejection_code" is not null)),
	CONSTRAINT "operations_abandoned_has_person" CHECK (("keiyaku"."operations"."state" = 'abandoned') = ("keiyaku"."operations"."abandonment" is not null)),
	CONSTRAINT "operations_held_has_question" CHECK ("keiyaku"."operations"."state" <> 'held' or "keiyaku"."operations"."held_question" is not null),
	CONSTRAINT "operations_only_open_ones_occupy" CHECK (not "keiyaku"."operations"."occupies" or "keiyaku"."operations"."state" in ('requested', 'executing', 'held')),
	CONSTRAINT "operations_executing_occupies" CHECK ("keiyaku"."operations"."state" <> 'executing' or ("keiyaku"."operations"."occupies" and "keiyaku"."operations"."touched_at" is not null)),
	CONSTRAINT "operations_ringing_is_for_open_ones" CHECK (("keiyaku"."operations"."state" in ('requested', 'executing')) = ("keiyaku"."operations"."ring_at" is not null))
);
--> statement-breakpoint
CREATE TABLE "keiyaku"."payments" (
	"id" text PRIMARY KEY NOT NULL,
	"contract_id" text NOT NULL,
	"subject" "keiyaku"."payment_subject" NOT NULL,
	"period" integer,
	"starts_on" date,
	"amount_minor" bigint NOT NULL,
	"state" "keiyaku"."payment_state" NOT NULL,
	"paid_at" timestamp(3) with time zone,
	"stripe_payment_intent_id" text,
	"stripe_invoice_id" text,
	"dispute" "keiyaku"."dispute_state",
	CONSTRAINT "payments_amount_is_amount" CHECK ("keiyaku"."payments"."amount_minor" between 0 and 999999999999),
	CONSTRAINT "payments_period_is_whole" CHECK (("keiyaku"."payments"."subject" = 'period') = ("keiyaku"."payments"."period" is not null)),
	CONSTRAINT "payments_period_has_a_start" CHECK (("keiyaku"."payments"."period" is null) = ("keiyaku"."payments"."starts_on" is null)),
	CONSTRAINT "payments_period_counts_from_zero" CHECK ("keiyaku"."payments"."period" >= 0),
	CONSTRAINT "payments_paid_has_a_time" CHECK (("keiyaku"."payments"."state" in ('paid', 'refunded')) = ("keiyaku"."payments"."paid_at" is not null))
);
--> statement-breakpoint
CREATE TABLE "keiyaku"."products" (
	"id" text PRIMARY KEY NOT NULL,
	"kind" "keiyaku"."contract_kind" NOT NULL,
	"access" "keiyaku"."product_access" NOT NULL,
	"price_minor" bigint NOT NULL,
	"automatic_termination_month" char(7),
	"automatic_termination_month_set_at" timestamp(3) with time zone DEFAULT clock_timestamp() NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp(3) with time zone DEFAULT clock_timestamp() NOT NULL,
	"updated_at" timestamp(3) with time zone DEFAULT clock_timestamp() NOT NULL,
	CONSTRAINT "products_id_form" CHECK ("keiyaku"."products"."id" ~ '^[A-Za-z0-9._-]{1,64}$'),
	CONSTRAINT "products_price_is_amount" CHECK ("keiyaku"."products"."price_minor" between 0 and 999999999999),
	CONSTRAINT "products_month_form" CHECK ("keiyaku"."products"."automatic_termination_month" ~ '^\d{4}-(0[1-9]|1[0-2])$'),
	CONSTRAINT "products_version_counts_from_one" CHECK ("keiyaku"."products"."version" >= 1)
);
--> statement-breakpoint
CREATE TABLE "keiyaku"."refund_hours" (
	"hour" timestamp(3) with time zone PRIMARY KEY NOT NULL,
	"amount_minor" bigint NOT NULL,
	CONSTRAINT "refund_hours_amount_is_positive" CHECK ("keiyaku"."refund_hours"."amount_minor" between 1 and 999999999999)
);
--> statement-breakpoint
CREATE TABLE "keiyaku"."refunds" (
	"id" text PRIMARY KEY NOT NULL,
	"contract_id" text NOT NULL,
	"payment_id" text NOT NULL,
	"amount_minor" bigint NOT NULL,
	"state" "keiyaku"."refund_state" NOT NULL,
	"stripe_payment_intent_id" text,
	"stripe_refund_id" text,
	"superseded_by" text,
	"refusal_code" text,
	"operation_id" text NOT NULL,
	"created_at" timestamp(3) with time zone DEFAULT clock_timestamp() NOT NULL,
	"settled_at" timestamp(3) with time zone,
	CONSTRAINT "refunds_amount_is_positive" CHECK ("keiyaku"."refunds"."amount_minor" between 1 and 999999999999),
	CONSTRAINT "refunds_stripe_id_fits_state" CHECK (case when "keiyaku"."refunds"."state" in ('pending', 'requires_action', 'succeeded', 'failed', 'canceled')
        then "keiyaku"."refunds"."stripe_refund_id" is not null
        when "keiyaku"."refunds"."state" in ('due', 'manual_due') then "keiyaku"."refunds"."stripe_refund_id" is null else true end),
	CONSTRAINT "refunds_only_failed_ones_are_superseded" CHECK ("keiyaku"."refunds"."superseded_by" is null or "keiyaku"."refunds"."state" in ('failed', 'canceled')),
	CONSTRAINT "refunds_by_hand_is_not_of_stripe" CHECK ("keiyaku"."refunds"."state" <> 'manual_due' or "keiyaku"."refunds"."stripe_payment_intent_id" is null),
	CONSTRAINT "refunds_only_owed_ones_are_refused" CHECK ("keiyaku"."refunds"."refusal_code" is null or "keiyaku"."refunds"."state" in ('due', 'waived')),
	CONSTRAINT "refunds_settled_has_a_time" CHECK (("keiyaku"."refunds"."state" in ('succeeded', 'manual_done', 'waived')) = ("keiyaku"."refunds"."settled_at" is not null))
);
--> statement-breakpoint
CREATE TABLE "keiyaku"."refused_requests" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "keiyaku"."refused_requests_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"request_id" text,
	"contract_id" text,
	"code" text NOT NULL,
	"field" text,
	"problem" text NOT NULL,
	"content_hash" char(64) NOT NULL,
	"content" text NOT NULL,
	"size_bytes" integer NOT NULL,
	"times" integer DEFAULT 1 NOT NULL,
	"first_refused_at" timestamp(3) with time zone DEFAULT clock_timestamp() NOT NULL,
	"last_refused_at" timestamp(3) with time zone DEFAULT clock_timestamp() NOT NULL,
	CONSTRAINT "refused_requests_code_is_known" CHECK ("keiyaku"."refused_requests"."code" in ('invalid_request', 'id_reused')),
	CONSTRAINT "refused_requests_content_is_an_excerpt" CHECK (octet_length("keiyaku"."refused_requests"."content") <= 8192)
);
--> statement-breakpoint
CREATE TABLE "keiyaku"."signups" (
	"contract_id" text PRIMARY KEY NOT NULL,
	"applied_at" timestamp(3) with time zone NOT NULL,
	"channel" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "keiyaku"."stripe_calls" (
	"operation_id" text NOT NULL,
	"name" text NOT NULL,
	"type" text NOT NULL,
	"request" jsonb NOT NULL,
	"idempotency_key" text,
	"key_number" integer,
	"first_sent_at" timestamp(3) with time zone,
	"last_sent_at" timestamp(3) with time zone,
	"answer" jsonb,
	"answered_at" timestamp(3) with time zone,
	"learned_by" text,
	"request_id" text,
	"code_version" text NOT NULL,
	CONSTRAINT "stripe_calls_operation_id_name_pk" PRIMARY KEY("operation_id","name"),
	CONSTRAINT "stripe_calls_request_is_object" CHECK (jsonb_typeof("keiyaku"."stripe_calls"."request") = 'object'),
	CONSTRAINT "stripe_calls_answer_is_object" CHECK (jsonb_typeof("keiyaku"."stripe_calls"."answer") = 'object'),
	CONSTRAINT "stripe_calls_learned_by_is_known" CHECK ("keiyaku"."stripe_calls"."learned_by" in ('reply', 'look')),
	CONSTRAINT "stripe_calls_type_is_known" CHECK ("keiyaku"."stripe_calls"."type" in ('look', 'call')),
	CONSTRAINT "stripe_calls_call_has_key" CHECK (case when "keiyaku"."stripe_calls"."type" = 'call' then num_nulls("keiyaku"."stripe_calls"."idempotency_key", "keiyaku"."stripe_calls"."key_number") = 0 and num_nulls("keiyaku"."stripe_calls"."first_sent_at", "keiyaku"."stripe_calls"."last_sent_at") in (0, 2)
        else num_nonnulls("keiyaku"."stripe_calls"."idempotency_key", "keiyaku"."stripe_calls"."key_number", "keiyaku"."stripe_calls"."first_sent_at", "keiyaku"."stripe_calls"."last_sent_at") = 0 end),
	CONSTRAINT "stripe_calls_look_is_answered" CHECK ("keiyaku"."stripe_calls"."type" = 'call' or "keiyaku"."stripe_calls"."answer" is not null),
	CONSTRAINT "stripe_calls_answer_is_whole" CHECK (("keiyaku"."stripe_calls"."answer" is null) = ("keiyaku"."stripe_calls"."answered_at" is null) and ("keiyaku"."stripe_calls"."answer" is null) = ("keiyaku"."stripe_calls"."learned_by" is null)),
	CONSTRAINT "stripe_calls_key_counts_from_one" CHECK ("keiyaku"."stripe_calls"."key_number" >= 1),
	CONSTRAINT "stripe_calls_last_follows_first" CHECK ("keiyaku"."stripe_calls"."last_sent_at" >= "keiyaku"."stripe_calls"."first_sent_at")
);
--> statement-breakpoint
CREATE TABLE "keiyaku"."stripe_events" (
	"id" text PRIMARY KEY NOT NULL,
	"type" text NOT NULL,
	"livemode" boolean NOT NULL,
	"api_version" text NOT NULL,
	"object_id" text,
	"body" jsonb,
	"mentions" text[],
	"created_at" timestamp(3) with time zone NOT NULL,
	"received_at" timestamp(3) with time zone DEFAULT clock_timestamp() NOT NULL,
	"arrived_by" text NOT NULL,
	"state" text DEFAULT 'received' NOT NULL,
	"state_reason" text,
	"contract_id" text,
	"operation_id" text,
	"looks" integer DEFAULT 0 NOT NULL,
	"look_at" timestamp(3) with time zone DEFAULT clock_timestamp(),
	"concluded_at" timestamp(3) with time zone,
	CONSTRAINT "stripe_events_body_is_object" CHECK (jsonb_typeof("keiyaku"."stripe_events"."body") = 'object'),
	CONSTRAINT "stripe_events_mentions_are_of_a_body" CHECK ("keiyaku"."stripe_events"."mentions" is null or "keiyaku"."stripe_events"."body" is not null),
	CONSTRAINT "stripe_events_arrived_by_is_known" CHECK ("keiyaku"."stripe_events"."arrived_by" in ('relay', 'queue', 'backfill')),
	CONSTRAINT "stripe_events_state_is_known" CHECK ("keiyaku"."stripe_events"."state" in ('received', 'applied', 'ignored', 'unmatched', 'held')),
	CONSTRAINT "stripe_events_concluded_has_a_time" CHECK (("keiyaku"."stripe_events"."state" in ('applied', 'ignored')) = ("keiyaku"."stripe_events"."concluded_at" is not null)),
	CONSTRAINT "stripe_events_reason_where_needed" CHECK ("keiyaku"."stripe_events"."state" not in ('ignored', 'held') or "keiyaku"."stripe_events"."state_reason" is not null),
	CONSTRAINT "stripe_events_applied_names_operation" CHECK (("keiyaku"."stripe_events"."state" = 'applied') = ("keiyaku"."stripe_events"."operation_id" is not null)),
	CONSTRAINT "stripe_events_looked_at_while_waiting" CHECK (case "keiyaku"."stripe_events"."state" when 'received' then "keiyaku"."stripe_events"."look_at" is not null when 'unmatched' then true
        else "keiyaku"."stripe_events"."look_at" is null end),
	CONSTRAINT "stripe_events_looks_count_up" CHECK ("keiyaku"."stripe_events"."looks" >= 0)
);
--> statement-breakpoint
CREATE TABLE "keiyaku"."tombstones" (
	"contract_id" text PRIMARY KEY NOT NULL,
	"operation_id" text NOT NULL,
	"customer_id" text,
	"stripe_ids" text[] NOT NULL,
	"payments" jsonb NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"deleted_at" timestamp(3) with time zone DEFAULT clock_timestamp() NOT NULL,
	CONSTRAINT "tombstones_payments_is_list" CHECK (jsonb_typeof("keiyaku"."tombstones"."payments") = 'array'),
	CONSTRAINT "tombstones_contract_id_form" CHECK ("keiyaku"."tombstones"."contract_id" ~ '^[A-Za-z0-9._-]{1,64}$'),
	CONSTRAINT "tombstones_version_counts_from_one" CHECK ("keiyaku"."tombstones"."version" >= 1)
);
--> statement-breakpoint
ALTER TABLE "keiyaku"."contracts" ADD CONSTRAINT "contracts_product_id_products_id_fk" FOREIGN KEY ("product_id") REFERENCES "keiyaku"."products"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "keiyaku"."contracts" ADD CONSTRAINT "contracts_customer_id_customers_id_fk" FOREIGN KEY ("customer_id") REFERENCES "keiyaku"."customers"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "keiyaku"."licenses" ADD CONSTRAINT "licenses_payment_id_payments_id_fk" FOREIGN KEY ("payment_id") REFERENCES "keiyaku"."payments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "keiyaku"."licenses" ADD CONSTRAINT "licenses_contract_id_contracts_id_fk" FOREIGN KEY ("contract_id") REFERENCES "keiyaku"."contracts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "keiyaku"."notifications" ADD CONSTRAINT "notifications_copy_of_notifications_id_fk" FOREIGN KEY ("copy_of") REFERENCES "keiyaku"."notifications"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "keiyaku"."payments" ADD CONSTRAINT "payments_contract_id_contracts_id_fk" FOREIGN KEY ("contract_id") REFERENCES "keiyaku"."contracts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "keiyaku"."signups" ADD CONSTRAINT "signups_contract_id_contracts_id_fk" FOREIGN KEY ("contract_id") REFERENCES "keiyaku"."contracts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "keiyaku"."stripe_calls" ADD CONSTRAINT "stripe_calls_operation_id_operations_id_fk" FOREIGN KEY ("operation_id") REFERENCES "keiyaku"."operations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "book_checks_by_kind" ON "keiyaku"."book_checks" USING btree ("kind","id");--> statement-breakpoint
CREATE UNIQUE INDEX "contracts_one_per_subscription" ON "keiyaku"."contracts" USING btree ("stripe_subscription_id");--> statement-breakpoint
CREATE UNIQUE INDEX "contracts_one_per_payment_intent" ON "keiyaku"."contracts" USING btree ("stripe_payment_intent_id");--> statement-breakpoint
CREATE INDEX "contracts_by_card" ON "keiyaku"."contracts" USING btree ("id","ended_at") WHERE "keiyaku"."contracts"."payment_method" = 'card';--> statement-breakpoint
CREATE INDEX "contracts_by_customer" ON "keiyaku"."contracts" USING btree ("customer_id");--> statement-breakpoint
CREATE INDEX "contracts_by_stripe_customer" ON "keiyaku"."contracts" USING btree ("stripe_customer_id") WHERE "keiyaku"."contracts"."stripe_customer_id" is not null;--> statement-breakpoint
CREATE INDEX "contracts_to_start" ON "keiyaku"."contracts" USING btree ("start_on","id") WHERE "keiyaku"."contracts"."status" = 'not_started';--> statement-breakpoint
CREATE INDEX "contracts_to_terminate" ON "keiyaku"."contracts" USING btree ("termination_on","id") WHERE "keiyaku"."contracts"."termination_on" is not null;--> statement-breakpoint
CREATE INDEX "contracts_to_end_special_period" ON "keiyaku"."contracts" USING btree ((("start_on" + make_interval(months => "special_months"))::date
    - case when "payment_method" = 'card' then 4 else 0 end),"id") WHERE "keiyaku"."contracts"."status" = 'special_period';--> statement-breakpoint
CREATE INDEX "contracts_to_renew" ON "keiyaku"."contracts" USING btree ("renewal_due_on","id") WHERE "keiyaku"."contracts"."status" in ('active', 'special_period', 'termination_reserved') and "keiyaku"."contracts"."renewal_due_on" is not null;--> statement-breakpoint
CREATE INDEX "contracts_to_reserve_by_product_month" ON "keiyaku"."contracts" USING btree ("product_id",(extract(day from "start_on")::integer + case when "payment_method" = 'card' then 31 else 0 end),"id") WHERE "keiyaku"."contracts"."kind" = 'monthly' and "keiyaku"."contracts"."origin" = 'application'
          and "keiyaku"."contracts"."status" in ('active', 'special_period', 'termination_reserved', 'payment_unconfirmed')
          and "keiyaku"."contracts"."termination_source" is distinct from 'product_month';--> statement-breakpoint
CREATE INDEX "contracts_to_release_by_product_month" ON "keiyaku"."contracts" USING btree ("product_id","termination_on","id") WHERE "keiyaku"."contracts"."termination_source" = 'product_month';--> statement-breakpoint
CREATE INDEX "contracts_by_former_subscription" ON "keiyaku"."contracts" USING gin ("former_stripe_subscription_ids");--> statement-breakpoint
CREATE INDEX "licenses_by_contract" ON "keiyaku"."licenses" USING btree ("contract_id");--> statement-breakpoint
CREATE UNIQUE INDEX "notifications_one_per_cause_and_recipient" ON "keiyaku"."notifications" USING btree ("cause","kind","recipient") WHERE "keiyaku"."notifications"."copy_of" is null;--> statement-breakpoint
CREATE UNIQUE INDEX "notifications_one_copy_per_address" ON "keiyaku"."notifications" USING btree ("copy_of","address") WHERE "keiyaku"."notifications"."copy_of" is not null;--> statement-breakpoint
CREATE INDEX "notifications_waiting" ON "keiyaku"."notifications" USING btree ("next_attempt_at") WHERE "keiyaku"."notifications"."state" = 'waiting';--> statement-breakpoint
CREATE INDEX "notifications_claimed" ON "keiyaku"."notifications" USING btree ("claimed_at") WHERE "keiyaku"."notifications"."state" = 'claimed';--> statement-breakpoint
CREATE INDEX "notifications_for_a_person" ON "keiyaku"."notifications" USING btree ("id") WHERE "keiyaku"."notifications"."state" in ('refused', 'unknown');--> statement-breakpoint
CREATE INDEX "notifications_of_contract" ON "keiyaku"."notifications" USING btree ("contract_id");--> statement-breakpoint
CREATE UNIQUE INDEX "operations_one_occupies_a_contract" ON "keiyaku"."operations" USING btree ("contract_id") WHERE "keiyaku"."operations"."occupies";--> statement-breakpoint
CREATE INDEX "operations_open_of_contract" ON "keiyaku"."operations" USING btree ("contract_id","sequence") WHERE "keiyaku"."operations"."state" in ('requested', 'executing', 'held');--> statement-breakpoint
CREATE INDEX "operations_to_ring_for" ON "keiyaku"."operations" USING btree ("ring_at") WHERE "keiyaku"."operations"."ring_at" is not null;--> statement-breakpoint
CREATE INDEX "operations_of_contract" ON "keiyaku"."operations" USING btree ("contract_id","sequence");--> statement-breakpoint
CREATE INDEX "operations_of_run" ON "keiyaku"."operations" USING btree ("actor_id","kind") WHERE "keiyaku"."operations"."actor_type" = 'schedule';--> statement-breakpoint
CREATE INDEX "operations_open_of_run" ON "keiyaku"."operations" USING btree ("actor_id","kind","sequence") WHERE "keiyaku"."operations"."actor_type" = 'schedule' and "keiyaku"."operations"."state" in ('requested', 'executing', 'held');--> statement-breakpoint
CREATE INDEX "operations_held" ON "keiyaku"."operations" USING btree ("sequence") WHERE "keiyaku"."operations"."state" = 'held';--> statement-breakpoint
CREATE UNIQUE INDEX "payments_one_per_subject_by_hand" ON "keiyaku"."payments" USING btree ("contract_id","subject",coalesce("period", -1)) WHERE "keiyaku"."payments"."stripe_invoice_id" is null and "keiyaku"."payments"."stripe_payment_intent_id" is null;--> statement-breakpoint
CREATE UNIQUE INDEX "payments_one_per_subject_of_intent" ON "keiyaku"."payments" USING btree ("stripe_payment_intent_id","contract_id","subject",coalesce("period", -1)) WHERE "keiyaku"."payments"."stripe_invoice_id" is null and "keiyaku"."payments"."stripe_payment_intent_id" is not null;--> statement-breakpoint
CREATE UNIQUE INDEX "payments_one_per_subject_of_invoice" ON "keiyaku"."payments" USING btree ("stripe_invoice_id","contract_id","subject",coalesce("period", -1)) WHERE "keiyaku"."payments"."stripe_invoice_id" is not null;--> statement-breakpoint
CREATE INDEX "payments_by_contract" ON "keiyaku"."payments" USING btree ("contract_id");--> statement-breakpoint
CREATE INDEX "payments_by_payment_intent" ON "keiyaku"."payments" USING btree ("stripe_payment_intent_id");--> statement-breakpoint
CREATE INDEX "products_ending" ON "keiyaku"."products" USING btree ("automatic_termination_month") WHERE "keiyaku"."products"."automatic_termination_month" is not null;--> statement-breakpoint
CREATE UNIQUE INDEX "refunds_one_per_stripe_refund_and_payment" ON "keiyaku"."refunds" USING btree ("stripe_refund_id","payment_id");--> statement-breakpoint
CREATE UNIQUE INDEX "refunds_one_waiting_per_payment" ON "keiyaku"."refunds" USING btree ("payment_id") WHERE "keiyaku"."refunds"."state" in ('due', 'manual_due');--> statement-breakpoint
CREATE INDEX "refunds_by_contract" ON "keiyaku"."refunds" USING btree ("contract_id");--> statement-breakpoint
CREATE INDEX "refunds_by_payment_intent" ON "keiyaku"."refunds" USING btree ("stripe_payment_intent_id");--> statement-breakpoint
CREATE INDEX "refunds_owed" ON "keiyaku"."refunds" USING btree ("created_at") WHERE "keiyaku"."refunds"."state" in ('due', 'failed', 'canceled', 'manual_due') and "keiyaku"."refunds"."superseded_by" is null;--> statement-breakpoint
CREATE UNIQUE INDEX "refused_requests_once_each" ON "keiyaku"."refused_requests" USING btree ("content_hash","code");--> statement-breakpoint
CREATE INDEX "refused_requests_by_request" ON "keiyaku"."refused_requests" USING btree ("request_id");--> statement-breakpoint
CREATE INDEX "refused_requests_by_contract" ON "keiyaku"."refused_requests" USING btree ("contract_id");--> statement-breakpoint
CREATE INDEX "stripe_events_to_look_at" ON "keiyaku"."stripe_events" USING btree ("look_at") WHERE "keiyaku"."stripe_events"."look_at" is not null;--> statement-breakpoint
CREATE INDEX "stripe_events_created" ON "keiyaku"."stripe_events" USING btree ("created_at");--> statement-breakpoint
CREATE INDEX "stripe_events_of_object" ON "keiyaku"."stripe_events" USING btree ("object_id");--> statement-breakpoint
CREATE INDEX "stripe_events_of_contract" ON "keiyaku"."stripe_events" USING btree ("contract_id") WHERE "keiyaku"."stripe_events"."contract_id" is not null;--> statement-breakpoint
CREATE INDEX "stripe_events_by_mention" ON "keiyaku"."stripe_events" USING gin ("mentions") WHERE "keiyaku"."stripe_events"."mentions" is not null;--> statement-breakpoint
CREATE INDEX "stripe_events_to_prune" ON "keiyaku"."stripe_events" USING btree ("received_at") WHERE "keiyaku"."stripe_events"."body" is not null and "keiyaku"."stripe_events"."state" in ('applied', 'ignored');--> statement-breakpoint
CREATE INDEX "stripe_events_of_reason" ON "keiyaku"."stripe_events" USING btree (split_part("state_reason", chr(59), 1)) WHERE "keiyaku"."stripe_events"."state_reason" is not null;--> statement-breakpoint
CREATE INDEX "stripe_events_for_a_person" ON "keiyaku"."stripe_events" USING btree ("received_at") WHERE "keiyaku"."stripe_events"."state" in ('unmatched', 'held');--> statement-breakpoint
CREATE INDEX "tombstones_by_stripe_id" ON "keiyaku"."tombstones" USING gin ("stripe_ids");