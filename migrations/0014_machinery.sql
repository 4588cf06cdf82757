-- A bulk job is a job with rows: its counters are kept in the transaction of each row.
-- team_ids is the JSON list of teams that whoever made it was limited to; absent: the whole account.
ALTER TABLE jobs ADD COLUMN total BIGINT NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN done BIGINT NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN created BIGINT NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN updated BIGINT NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN unchanged BIGINT NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN waitlisted BIGINT NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN failed BIGINT NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN actor_type TEXT;
ALTER TABLE jobs ADD COLUMN actor_id TEXT;
ALTER TABLE jobs ADD COLUMN actor_name TEXT;
ALTER TABLE jobs ADD COLUMN team_ids TEXT;
ALTER TABLE jobs ADD COLUMN started_at BIGINT;
ALTER TABLE jobs ADD COLUMN started_with BIGINT NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN progressed_at BIGINT;
CREATE INDEX jobs_by_created ON jobs (account_id, created_at, id);
CREATE INDEX jobs_by_kind ON jobs (account_id, kind, created_at, id);
CREATE INDEX jobs_by_public_state ON jobs (account_id, (CASE state WHEN 'done' THEN 'succeeded' WHEN 'dead' THEN 'failed' ELSE state END), created_at, id);

CREATE TABLE job_rows (
    account_id TEXT NOT NULL,
    job_id TEXT NOT NULL,
    number BIGINT NOT NULL,
    id TEXT NOT NULL,
    input TEXT NOT NULL,
    state TEXT NOT NULL,
    status BIGINT,
    outcome TEXT,
    key TEXT,
    problem TEXT,
    result TEXT,
    created_at BIGINT NOT NULL,
    finished_at BIGINT,
    PRIMARY KEY (account_id, job_id, number),
    FOREIGN KEY (account_id, job_id) REFERENCES jobs (account_id, id)
);
CREATE UNIQUE INDEX job_rows_by_id ON job_rows (account_id, id);
CREATE INDEX job_rows_by_created ON job_rows (account_id, job_id, created_at, id);
CREATE INDEX job_rows_by_number ON job_rows (account_id, job_id, number, id);
CREATE INDEX job_rows_by_state ON job_rows (account_id, job_id, state, number);
CREATE INDEX jobs_bulk ON jobs (account_id, finished_at) WHERE total > 0;

-- The name that the record had when the fact was noted.
ALTER TABLE audit_facts ADD COLUMN subject_name TEXT;
CREATE INDEX audit_facts_by_created ON audit_facts (account_id, created_at, id);
CREATE INDEX audit_facts_by_action ON audit_facts (account_id, action, created_at, id);
CREATE INDEX audit_facts_by_actor_type ON audit_facts (account_id, actor_type, created_at, id);
CREATE INDEX audit_facts_by_actor ON audit_facts (account_id, actor_id, created_at, id);

CREATE INDEX events_by_type ON events (account_id, type, sequence) WHERE sequence IS NOT NULL;
CREATE INDEX events_by_subject ON events (account_id, subject_id, sequence) WHERE sequence IS NOT NULL;
CREATE INDEX events_of_user ON events (account_id, user_id, sequence) WHERE sequence IS NOT NULL;
CREATE INDEX events_of_team ON events (account_id, team_id, sequence) WHERE sequence IS NOT NULL;
CREATE INDEX events_of_seat ON events (account_id, seat_id, sequence) WHERE sequence IS NOT NULL;

CREATE INDEX mails_by_created ON mails (account_id, created_at, id);
CREATE INDEX mails_by_kind ON mails (account_id, kind, created_at, id);
CREATE INDEX api_keys_by_maker ON api_keys (account_id, created_by, id);

-- Reports.
CREATE INDEX seat_assignments_waiting_by_created ON seat_assignments (account_id, created_at, id) WHERE state = 'waitlisted';
