-- How often a place was given by this membership. Giving a place counts it up, an end of the membership names the count
-- it has read: of the two at once, the later one finds another count or no row, and is planned anew.
ALTER TABLE team_members ADD COLUMN version BIGINT NOT NULL DEFAULT 0;

-- Those who wait for a place of a seat, each with their place in its line.
CREATE VIEW seat_waitlist AS
SELECT account_id, id, seat_id, product_id, user_id, team_id, cause, waiting_at, created_at,
    row_number() OVER (PARTITION BY account_id, seat_id ORDER BY waiting_at, id) AS position
FROM seat_assignments WHERE state = 'waitlisted';

-- A person's wish for a place, on which somebody of the team decides. assignment_id is what came of it.
CREATE TABLE seat_requests (
    account_id TEXT NOT NULL,
    id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    team_id TEXT NOT NULL,
    product_id TEXT NOT NULL,
    note TEXT,
    state TEXT NOT NULL,
    reason TEXT,
    decided_at BIGINT,
    decided_by TEXT,
    assignment_id TEXT,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, id),
    CONSTRAINT seat_requests_user FOREIGN KEY (account_id, user_id) REFERENCES users (account_id, id),
    CONSTRAINT seat_requests_team FOREIGN KEY (account_id, team_id) REFERENCES teams (account_id, id),
    CONSTRAINT seat_requests_product FOREIGN KEY (account_id, product_id) REFERENCES products (account_id, id)
);
-- One pending wish of a person in a team for a product.
CREATE UNIQUE INDEX seat_requests_one_pending ON seat_requests (account_id, user_id, team_id, product_id) WHERE state = 'pending';
CREATE INDEX seat_requests_by_created ON seat_requests (account_id, created_at, id);
CREATE INDEX seat_requests_by_state ON seat_requests (account_id, state, created_at, id);
CREATE INDEX seat_requests_by_team ON seat_requests (account_id, team_id, created_at, id);
CREATE INDEX seat_requests_by_user ON seat_requests (account_id, user_id, created_at, id);
CREATE INDEX seat_requests_by_product ON seat_requests (account_id, product_id, created_at, id);
