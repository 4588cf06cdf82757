-- Whoever and whatever is put aside can be restored for 30 days; then it is purged: the row stays for those that refer to
-- it and tells nothing any more.
ALTER TABLE users ADD COLUMN purged_at BIGINT;
ALTER TABLE teams ADD COLUMN purged_at BIGINT;
CREATE INDEX users_aside ON users (account_id, deleted_at, id) WHERE deleted_at IS NOT NULL AND purged_at IS NULL;
CREATE INDEX users_aside_by_created ON users (account_id, created_at, id) WHERE deleted_at IS NOT NULL AND purged_at IS NULL;
CREATE INDEX users_aside_by_updated ON users (account_id, updated_at, id) WHERE deleted_at IS NOT NULL AND purged_at IS NULL;
CREATE INDEX users_aside_by_name ON users (account_id, name_key, id) WHERE deleted_at IS NOT NULL AND purged_at IS NULL;
CREATE INDEX users_aside_by_family ON users (account_id, family_key, id) WHERE deleted_at IS NOT NULL AND purged_at IS NULL;
CREATE INDEX users_aside_by_email ON users (account_id, email_key, id) WHERE deleted_at IS NOT NULL AND purged_at IS NULL;
CREATE INDEX users_aside_by_external_id ON users (account_id, external_id) WHERE deleted_at IS NOT NULL AND purged_at IS NULL AND external_id IS NOT NULL;
CREATE INDEX teams_aside ON teams (account_id, deleted_at, id) WHERE deleted_at IS NOT NULL AND purged_at IS NULL;
CREATE INDEX teams_aside_by_created ON teams (account_id, created_at, id) WHERE deleted_at IS NOT NULL AND purged_at IS NULL;
CREATE INDEX teams_aside_by_name ON teams (account_id, name_key, id) WHERE deleted_at IS NOT NULL AND purged_at IS NULL;

-- Memberships that ended because one side of them was put aside: departed_id is that side, the person or the team.
CREATE TABLE former_members (
    account_id TEXT NOT NULL,
    departed_id TEXT NOT NULL,
    team_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    role TEXT NOT NULL,
    managed_by TEXT NOT NULL,
    joined_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, departed_id, team_id, user_id),
    FOREIGN KEY (account_id, team_id) REFERENCES teams (account_id, id),
    FOREIGN KEY (account_id, user_id) REFERENCES users (account_id, id)
);
CREATE INDEX former_members_by_user ON former_members (account_id, user_id);
CREATE INDEX former_members_by_team ON former_members (account_id, team_id);

-- What a person was known by before they became one with another: id, address and external id lead to that one.
CREATE TABLE user_aliases (
    account_id TEXT NOT NULL,
    id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL,
    external_id TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, user_id) REFERENCES users (account_id, id)
);
CREATE INDEX user_aliases_by_user ON user_aliases (account_id, user_id);
CREATE INDEX user_aliases_by_email ON user_aliases (account_id, email_key, created_at);
CREATE INDEX user_aliases_by_external_id ON user_aliases (account_id, external_id, created_at) WHERE external_id IS NOT NULL;

-- Addresses that a person had before.
CREATE TABLE former_addresses (
    account_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    email_key TEXT NOT NULL,
    email TEXT NOT NULL,
    ended_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, user_id, email_key),
    FOREIGN KEY (account_id, user_id) REFERENCES users (account_id, id)
);

-- What a call has said about a person's account in the LMS; the LMS is told later.
CREATE TABLE lms_wishes (
    account_id TEXT NOT NULL,
    id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    lms_user_id TEXT NOT NULL,
    action TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    done_at BIGINT,
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, user_id) REFERENCES users (account_id, id)
);
CREATE INDEX lms_wishes_by_user ON lms_wishes (account_id, user_id, id);
CREATE INDEX lms_wishes_open ON lms_wishes (account_id, id) WHERE done_at IS NULL;

-- The removal of a person's traces. traces are the texts that are sought; they are gone when it has finished.
CREATE TABLE erasures (
    account_id TEXT NOT NULL,
    id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    cause TEXT NOT NULL,
    state TEXT NOT NULL,
    traces TEXT,
    report TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    finished_at BIGINT,
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, user_id) REFERENCES users (account_id, id)
);
CREATE INDEX erasures_by_created ON erasures (account_id, created_at, id);
CREATE INDEX erasures_by_user ON erasures (account_id, user_id, id);

-- What people have done is found by them, so that their names can be taken out of it.
CREATE INDEX events_by_person ON events (account_id, actor_id, id) WHERE actor_type = 'user';
CREATE INDEX audit_facts_by_person ON audit_facts (account_id, actor_id, id) WHERE actor_type = 'user';
CREATE INDEX seat_ledger_by_person ON seat_ledger (account_id, actor_id, id) WHERE actor_type = 'user';
CREATE INDEX api_keys_by_creator ON api_keys (account_id, created_by) WHERE created_by IS NOT NULL;

-- What a provision made, as far as it can be taken back, and what came of taking it back.
ALTER TABLE provisions ADD COLUMN made TEXT NOT NULL DEFAULT '{}';
ALTER TABLE provisions ADD COLUMN undone_at BIGINT;
ALTER TABLE provisions ADD COLUMN undo_report TEXT;
CREATE INDEX provisions_by_team ON provisions (account_id, team_id, created_at, id);

ALTER TABLE enrollments ADD COLUMN external_id TEXT;
CREATE UNIQUE INDEX enrollments_external_id ON enrollments (account_id, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX enrollments_by_updated ON enrollments (account_id, updated_at, id);
CREATE INDEX enrollments_by_percent ON enrollments (account_id, percent, id);
CREATE INDEX enrollments_by_status ON enrollments (account_id, status, created_at, id);
CREATE INDEX enrollments_by_source ON enrollments (account_id, source, created_at, id);
CREATE INDEX enrollments_by_expiry ON enrollments (account_id, expires_at, id);
CREATE INDEX enrollments_by_activity ON enrollments (account_id, last_activity_at, id);
