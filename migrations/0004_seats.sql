CREATE TABLE seat_templates (
    account_id TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    external_id TEXT,
    product_id TEXT NOT NULL,
    expiry TEXT NOT NULL,
    expires_at BIGINT,
    expires_in_days BIGINT,
    reusable BOOLEAN NOT NULL,
    extendable BOOLEAN NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, id),
    CONSTRAINT seat_templates_product FOREIGN KEY (account_id, product_id) REFERENCES products (account_id, id)
);
CREATE UNIQUE INDEX seat_templates_external_id ON seat_templates (account_id, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX seat_templates_by_created ON seat_templates (account_id, created_at, id);

-- An allocation of places. The counters equal the sums of the ledger; the guard is seats_within_quantity.
-- spent counts places that were used for good, because the seat is not reusable; overage is what a marked exception allows above the quantity.
CREATE TABLE seats (
    account_id TEXT NOT NULL,
    id TEXT NOT NULL,
    product_id TEXT NOT NULL,
    name TEXT,
    external_id TEXT,
    team_ids TEXT NOT NULL,
    quantity BIGINT,
    expiry TEXT NOT NULL,
    expires_at BIGINT,
    expires_in_days BIGINT,
    reusable BOOLEAN NOT NULL,
    extendable BOOLEAN NOT NULL,
    template_id TEXT,
    status TEXT NOT NULL,
    tags TEXT NOT NULL,
    assigned BIGINT NOT NULL DEFAULT 0,
    reserved BIGINT NOT NULL DEFAULT 0,
    spent BIGINT NOT NULL DEFAULT 0,
    waitlisted BIGINT NOT NULL DEFAULT 0,
    overage BIGINT NOT NULL DEFAULT 0,
    available BIGINT GENERATED ALWAYS AS (quantity - assigned - reserved - spent) STORED,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, id),
    CONSTRAINT seats_within_quantity CHECK (quantity IS NULL OR assigned + reserved + spent <= quantity + overage),
    CONSTRAINT seats_not_negative CHECK (assigned >= 0 AND reserved >= 0 AND spent >= 0 AND waitlisted >= 0 AND overage >= 0 AND (quantity IS NULL OR quantity >= 0)),
    CONSTRAINT seats_product FOREIGN KEY (account_id, product_id) REFERENCES products (account_id, id)
);
CREATE UNIQUE INDEX seats_external_id ON seats (account_id, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX seats_by_product ON seats (account_id, product_id, id);
CREATE INDEX seats_by_created ON seats (account_id, created_at, id);
CREATE INDEX seats_by_available ON seats (account_id, available, id);
CREATE INDEX seats_by_waiting ON seats (account_id, waitlisted, id);

-- A team has one live allocation of a product.
CREATE TABLE seat_teams (
    account_id TEXT NOT NULL,
    team_id TEXT NOT NULL,
    seat_id TEXT NOT NULL,
    product_id TEXT NOT NULL,
    live BOOLEAN NOT NULL,
    PRIMARY KEY (account_id, team_id, seat_id),
    CONSTRAINT seat_teams_team FOREIGN KEY (account_id, team_id) REFERENCES teams (account_id, id),
    FOREIGN KEY (account_id, seat_id) REFERENCES seats (account_id, id)
);
CREATE UNIQUE INDEX seat_teams_one_live ON seat_teams (account_id, team_id, product_id) WHERE live;
CREATE INDEX seat_teams_by_seat ON seat_teams (account_id, seat_id);

CREATE TABLE seat_assignments (
    account_id TEXT NOT NULL,
    id TEXT NOT NULL,
    seat_id TEXT NOT NULL,
    product_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    team_id TEXT NOT NULL,
    state TEXT NOT NULL,
    starts_at BIGINT,
    expires_at BIGINT,
    ended_at BIGINT,
    cause TEXT NOT NULL,
    provision_id TEXT,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, seat_id) REFERENCES seats (account_id, id),
    FOREIGN KEY (account_id, user_id) REFERENCES users (account_id, id),
    FOREIGN KEY (account_id, team_id) REFERENCES teams (account_id, id)
);
CREATE UNIQUE INDEX seat_assignments_one_live ON seat_assignments (account_id, seat_id, user_id) WHERE state IN ('waitlisted', 'reserved', 'active');
CREATE INDEX seat_assignments_by_user ON seat_assignments (account_id, user_id, id);
CREATE INDEX seat_assignments_by_seat ON seat_assignments (account_id, seat_id, state, id);
CREATE INDEX seat_assignments_by_team ON seat_assignments (account_id, team_id, id);
CREATE INDEX seat_assignments_waiting ON seat_assignments (account_id, seat_id, created_at, id) WHERE state = 'waitlisted';
CREATE INDEX seat_assignments_expiring ON seat_assignments (account_id, expires_at) WHERE state = 'active' AND expires_at IS NOT NULL;
CREATE INDEX seat_assignments_by_created ON seat_assignments (account_id, created_at, id);

CREATE TABLE seat_ledger (
    account_id TEXT NOT NULL,
    id TEXT NOT NULL,
    seat_id TEXT NOT NULL,
    cause TEXT NOT NULL,
    quantity_delta BIGINT NOT NULL,
    assigned_delta BIGINT NOT NULL,
    reserved_delta BIGINT NOT NULL,
    spent_delta BIGINT NOT NULL,
    waitlisted_delta BIGINT NOT NULL,
    assignment_id TEXT,
    reference TEXT,
    actor_type TEXT NOT NULL,
    actor_id TEXT,
    actor_name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, seat_id) REFERENCES seats (account_id, id)
);
CREATE INDEX seat_ledger_by_seat ON seat_ledger (account_id, seat_id, id);
-- A purchase is added once to a seat, however often it is told.
CREATE UNIQUE INDEX seat_ledger_reference ON seat_ledger (account_id, seat_id, reference) WHERE reference IS NOT NULL;

CREATE TABLE seat_denials (
    account_id TEXT NOT NULL,
    id TEXT NOT NULL,
    seat_id TEXT NOT NULL,
    user_id TEXT,
    requested BIGINT NOT NULL,
    available BIGINT NOT NULL,
    cause TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, seat_id) REFERENCES seats (account_id, id)
);
CREATE INDEX seat_denials_by_seat ON seat_denials (account_id, seat_id, id);

-- A person in a course. Access by seats lasts until the latest of the live assignments that lead to the course.
CREATE TABLE enrollments (
    account_id TEXT NOT NULL,
    id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    course_id TEXT NOT NULL,
    source TEXT NOT NULL,
    status TEXT NOT NULL,
    percent BIGINT NOT NULL,
    started_at BIGINT,
    completed_at BIGINT,
    expires_at BIGINT,
    last_activity_at BIGINT,
    lms_enrollment_id TEXT,
    synced_at BIGINT,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, user_id) REFERENCES users (account_id, id),
    FOREIGN KEY (account_id, course_id) REFERENCES courses (account_id, id)
);
CREATE UNIQUE INDEX enrollments_one ON enrollments (account_id, user_id, course_id, source);
CREATE INDEX enrollments_by_course ON enrollments (account_id, course_id, id);
CREATE INDEX enrollments_by_created ON enrollments (account_id, created_at, id);
