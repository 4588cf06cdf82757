-- counterpart: the entry that this one answers, which is the other side of a move or the entry it takes back.
ALTER TABLE seat_ledger ADD COLUMN hold_id TEXT;
ALTER TABLE seat_ledger ADD COLUMN counterpart_id TEXT;
ALTER TABLE seat_ledger ADD COLUMN counterpart_seat_id TEXT;

-- waiting_at orders the line; it begins as the moment of joining and changes when somebody is moved.
ALTER TABLE seat_assignments ADD COLUMN waiting_at BIGINT;
UPDATE seat_assignments SET waiting_at = created_at WHERE state = 'waitlisted';
DROP INDEX seat_assignments_waiting;
CREATE INDEX seat_assignments_waiting ON seat_assignments (account_id, seat_id, waiting_at, id) WHERE state = 'waitlisted';

-- Places kept for a while for nobody in particular. The quantities of live items count as reserved at their seats.
CREATE TABLE seat_holds (
    account_id TEXT NOT NULL,
    id TEXT NOT NULL,
    reference TEXT,
    state TEXT NOT NULL,
    items TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, id)
);
CREATE UNIQUE INDEX seat_holds_one_of_reference ON seat_holds (account_id, reference) WHERE reference IS NOT NULL AND state = 'held';
CREATE INDEX seat_holds_by_reference ON seat_holds (account_id, reference, created_at, id) WHERE reference IS NOT NULL;
CREATE INDEX seat_holds_by_created ON seat_holds (account_id, created_at, id);
CREATE INDEX seat_holds_by_state ON seat_holds (account_id, state, created_at, id);
CREATE INDEX seat_holds_lapsing ON seat_holds (account_id, expires_at) WHERE state = 'held';

CREATE TABLE seat_hold_items (
    account_id TEXT NOT NULL,
    hold_id TEXT NOT NULL,
    seat_id TEXT NOT NULL,
    quantity BIGINT NOT NULL,
    live BOOLEAN NOT NULL,
    PRIMARY KEY (account_id, hold_id, seat_id),
    CONSTRAINT seat_hold_items_quantity CHECK (quantity > 0),
    FOREIGN KEY (account_id, hold_id) REFERENCES seat_holds (account_id, id),
    FOREIGN KEY (account_id, seat_id) REFERENCES seats (account_id, id)
);
CREATE INDEX seat_hold_items_by_seat ON seat_hold_items (account_id, seat_id, hold_id);

DROP INDEX seat_denials_by_seat;
CREATE INDEX seat_denials_by_seat ON seat_denials (account_id, seat_id, created_at, id);
CREATE INDEX seat_denials_by_created ON seat_denials (account_id, created_at, id);
CREATE INDEX seat_denials_by_user ON seat_denials (account_id, user_id, created_at, id) WHERE user_id IS NOT NULL;
