-- What stood after each entry of a seat's ledger; closes: the entry is the last of its change. Entries that were there
-- before get their balances from the sums of the deltas.
ALTER TABLE seat_ledger ADD COLUMN quantity_after BIGINT;
ALTER TABLE seat_ledger ADD COLUMN assigned_after BIGINT NOT NULL DEFAULT 0;
ALTER TABLE seat_ledger ADD COLUMN reserved_after BIGINT NOT NULL DEFAULT 0;
ALTER TABLE seat_ledger ADD COLUMN spent_after BIGINT NOT NULL DEFAULT 0;
ALTER TABLE seat_ledger ADD COLUMN waitlisted_after BIGINT NOT NULL DEFAULT 0;
ALTER TABLE seat_ledger ADD COLUMN closes BOOLEAN NOT NULL DEFAULT TRUE;
UPDATE seat_ledger SET quantity_after = b.quantity, assigned_after = b.assigned, reserved_after = b.reserved, spent_after = b.spent, waitlisted_after = b.waitlisted
FROM (
    SELECT l.account_id, l.id,
        CASE WHEN s.quantity IS NULL THEN NULL
            WHEN sum(CASE WHEN l.cause = 'limited' THEN 1 ELSE 0 END) OVER so_far < sum(CASE WHEN l.cause = 'limited' THEN 1 ELSE 0 END) OVER whole THEN NULL
            ELSE CAST(sum(l.quantity_delta) OVER so_far AS BIGINT) END AS quantity,
        CAST(sum(l.assigned_delta) OVER so_far AS BIGINT) AS assigned,
        CAST(sum(l.reserved_delta) OVER so_far AS BIGINT) AS reserved,
        CAST(sum(l.spent_delta) OVER so_far AS BIGINT) AS spent,
        CAST(sum(l.waitlisted_delta) OVER so_far AS BIGINT) AS waitlisted
    FROM seat_ledger l JOIN seats s ON s.account_id = l.account_id AND s.id = l.seat_id
    WINDOW so_far AS (PARTITION BY l.account_id, l.seat_id ORDER BY l.created_at, l.id), whole AS (PARTITION BY l.account_id, l.seat_id)
) AS b
WHERE seat_ledger.account_id = b.account_id AND seat_ledger.id = b.id;
CREATE INDEX seat_ledger_by_assignment ON seat_ledger (account_id, assignment_id, created_at) WHERE assignment_id IS NOT NULL;

-- ledger_at: the moment of the last entry, so that the next one is later. watched_at: up to which entry the seat was
-- watched for running low. reclaim_*: the seat's own rule for places that nobody uses; absent: the account's.
ALTER TABLE seats ADD COLUMN ledger_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE seats ADD COLUMN watched_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE seats ADD COLUMN reclaim_after_days BIGINT;
ALTER TABLE seats ADD COLUMN reclaim_notice_days BIGINT;
UPDATE seats SET ledger_at = COALESCE((SELECT max(l.created_at) FROM seat_ledger l WHERE l.account_id = seats.account_id AND l.seat_id = seats.id), created_at);
UPDATE seats SET watched_at = ledger_at;
CREATE INDEX seats_unwatched ON seats (account_id, id) WHERE ledger_at > watched_at;
CREATE INDEX seats_reclaiming ON seats (account_id, id) WHERE reclaim_after_days IS NOT NULL;

-- extended_at: when the end was last moved. reminded_*: the last reminder, so many days before that end.
-- reclaim_at: when the place goes back because nobody uses it.
ALTER TABLE seat_assignments ADD COLUMN extended_at BIGINT;
ALTER TABLE seat_assignments ADD COLUMN reclaim_at BIGINT;
ALTER TABLE seat_assignments ADD COLUMN reminded_end BIGINT;
ALTER TABLE seat_assignments ADD COLUMN reminded_days BIGINT;
CREATE INDEX seat_assignments_reclaiming ON seat_assignments (account_id, reclaim_at, id) WHERE state = 'active' AND reclaim_at IS NOT NULL;
