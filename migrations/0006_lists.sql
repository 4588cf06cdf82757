DROP INDEX seat_ledger_by_seat;
CREATE INDEX seat_ledger_by_seat ON seat_ledger (account_id, seat_id, created_at, id);
