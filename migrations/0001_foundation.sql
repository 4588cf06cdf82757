-- Types are TEXT, BIGINT and BOOLEAN on both databases; JSON is TEXT; times are microseconds since 1970 in UTC.
-- Every tenant table's primary key, unique indexes and foreign keys begin with account_id.

CREATE TABLE accounts (
    account_id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    plan TEXT NOT NULL,
    requests_per_minute BIGINT,
    locale TEXT NOT NULL,
    timezone TEXT NOT NULL,
    settings TEXT NOT NULL,
    default_team_id TEXT,
    last_sequence BIGINT NOT NULL DEFAULT 0,
    version BIGINT NOT NULL DEFAULT 1,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE installation_settings (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE users (
    account_id TEXT NOT NULL,
    id TEXT NOT NULL,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL,
    first_name TEXT,
    last_name TEXT,
    name TEXT,
    name_key TEXT NOT NULL,
    family_key TEXT NOT NULL,
    company TEXT,
    external_id TEXT,
    locale TEXT,
    timezone TEXT,
    status TEXT NOT NULL,
    tags TEXT NOT NULL,
    metadata TEXT NOT NULL,
    lms_user_id TEXT,
    last_seen_at BIGINT,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT,
    PRIMARY KEY (account_id, id)
);
CREATE UNIQUE INDEX users_email ON users (account_id, email_key) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX users_external_id ON users (account_id, external_id) WHERE deleted_at IS NULL AND external_id IS NOT NULL;
CREATE INDEX users_by_created ON users (account_id, created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX users_by_updated ON users (account_id, updated_at, id) WHERE deleted_at IS NULL;
CREATE INDEX users_by_name ON users (account_id, name_key, id) WHERE deleted_at IS NULL;
CREATE INDEX users_by_family ON users (account_id, family_key, id) WHERE deleted_at IS NULL;
CREATE INDEX users_by_status ON users (account_id, status, created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX users_by_address ON users (email_key);

-- A role that holds in the whole account: owner, admin, reporter, or a custom one.
CREATE TABLE user_roles (
    account_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    role TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, user_id, role),
    FOREIGN KEY (account_id, user_id) REFERENCES users (account_id, id)
);

CREATE TABLE user_passwords (
    account_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    hash TEXT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, user_id),
    FOREIGN KEY (account_id, user_id) REFERENCES users (account_id, id)
);

-- A single-use way to sign in. The secret half is an HMAC of the id, so nothing here can be used by a reader of it.
CREATE TABLE sign_in_links (
    account_id TEXT NOT NULL,
    id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    purpose TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, user_id) REFERENCES users (account_id, id)
);
CREATE INDEX sign_in_links_by_expiry ON sign_in_links (account_id, expires_at);
CREATE INDEX sign_in_links_by_user ON sign_in_links (account_id, user_id, id);

CREATE TABLE sessions (
    account_id TEXT NOT NULL,
    id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    secret_hash TEXT NOT NULL,
    address TEXT,
    agent TEXT,
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, user_id) REFERENCES users (account_id, id)
);
CREATE INDEX sessions_by_expiry ON sessions (account_id, expires_at);
CREATE INDEX sessions_by_user ON sessions (account_id, user_id, id);

CREATE TABLE api_keys (
    account_id TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    prefix TEXT NOT NULL,
    last_four TEXT NOT NULL,
    allowed_addresses TEXT NOT NULL,
    organization_ids TEXT NOT NULL,
    team_ids TEXT NOT NULL,
    requests_per_minute BIGINT,
    expires_at BIGINT,
    revoked_at BIGINT,
    rotated_at BIGINT,
    last_used_at BIGINT,
    last_used_address TEXT,
    last_used_agent TEXT,
    created_by TEXT,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, id)
);
CREATE INDEX api_keys_by_created ON api_keys (account_id, created_at, id);

-- Global: the hash leads to the account. Rotation leaves the older secret here until its overlap ends.
CREATE TABLE api_key_secrets (
    secret_hash TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL,
    key_id TEXT NOT NULL,
    last_four TEXT NOT NULL,
    expires_at BIGINT,
    created_at BIGINT NOT NULL,
    FOREIGN KEY (account_id, key_id) REFERENCES api_keys (account_id, id)
);
CREATE INDEX api_key_secrets_by_key ON api_key_secrets (account_id, key_id);

CREATE TABLE idempotency_records (
    account_id TEXT NOT NULL,
    lineage TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    status BIGINT NOT NULL,
    headers TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, lineage, idempotency_key)
);
CREATE INDEX idempotency_records_by_created ON idempotency_records (account_id, created_at);

-- How much of a limit's window has been leased to nodes.
CREATE TABLE rate_windows (
    account_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    window_at BIGINT NOT NULL,
    leased BIGINT NOT NULL,
    PRIMARY KEY (account_id, subject, window_at)
);

CREATE TABLE events (
    account_id TEXT NOT NULL,
    id TEXT NOT NULL,
    type TEXT NOT NULL,
    sequence BIGINT,
    actor_type TEXT NOT NULL,
    actor_id TEXT,
    actor_name TEXT NOT NULL,
    request_id TEXT,
    subject_id TEXT NOT NULL,
    user_id TEXT,
    team_id TEXT,
    seat_id TEXT,
    data TEXT NOT NULL,
    previous TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, id)
);
CREATE UNIQUE INDEX events_sequence ON events (account_id, sequence) WHERE sequence IS NOT NULL;
CREATE INDEX events_unpublished ON events (account_id, id) WHERE sequence IS NULL;
CREATE INDEX events_by_user ON events (account_id, user_id, id) WHERE user_id IS NOT NULL;
CREATE INDEX events_by_team ON events (account_id, team_id, id) WHERE team_id IS NOT NULL;
CREATE INDEX events_by_seat ON events (account_id, seat_id, id) WHERE seat_id IS NOT NULL;
CREATE INDEX events_by_created ON events (account_id, created_at);

CREATE TABLE audit_facts (
    account_id TEXT NOT NULL,
    id TEXT NOT NULL,
    action TEXT NOT NULL,
    actor_type TEXT NOT NULL,
    actor_id TEXT,
    actor_name TEXT NOT NULL,
    subject_id TEXT,
    address TEXT,
    request_id TEXT,
    changes TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, id)
);
CREATE INDEX audit_facts_by_subject ON audit_facts (account_id, subject_id, id);

CREATE TABLE jobs (
    account_id TEXT NOT NULL,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    state TEXT NOT NULL,
    subject_id TEXT,
    run_at BIGINT NOT NULL,
    leased_until BIGINT,
    lease TEXT,
    attempts BIGINT NOT NULL,
    last_error TEXT,
    created_at BIGINT NOT NULL,
    finished_at BIGINT,
    PRIMARY KEY (account_id, id)
);
CREATE INDEX jobs_queued ON jobs (account_id, run_at, id) WHERE state = 'queued';
CREATE INDEX jobs_due ON jobs (run_at, account_id) WHERE state = 'queued';
CREATE INDEX jobs_running ON jobs (leased_until, account_id) WHERE state = 'running';
CREATE INDEX jobs_leased ON jobs (account_id, lease) WHERE state = 'running';
CREATE INDEX jobs_finished ON jobs (account_id, finished_at) WHERE state = 'done';
CREATE INDEX jobs_by_state ON jobs (account_id, state, id);
CREATE INDEX jobs_by_subject ON jobs (account_id, subject_id, id) WHERE subject_id IS NOT NULL;

CREATE TABLE mails (
    account_id TEXT NOT NULL,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    user_id TEXT,
    to_address TEXT NOT NULL,
    locale TEXT NOT NULL,
    state TEXT NOT NULL,
    message_id TEXT,
    context TEXT NOT NULL,
    once_key TEXT,
    link_id TEXT,
    provision_id TEXT,
    subject TEXT,
    text_body TEXT,
    html_body TEXT,
    attempts BIGINT NOT NULL,
    last_reply TEXT,
    created_at BIGINT NOT NULL,
    sent_at BIGINT,
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, user_id) REFERENCES users (account_id, id)
);
CREATE UNIQUE INDEX mails_once ON mails (account_id, once_key) WHERE once_key IS NOT NULL;
CREATE INDEX mails_by_provision ON mails (account_id, provision_id, id) WHERE provision_id IS NOT NULL;
CREATE INDEX mails_by_user ON mails (account_id, user_id, id);
CREATE INDEX mails_by_state ON mails (account_id, state, id);

CREATE TABLE mail_templates (
    account_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    locale TEXT NOT NULL,
    subject TEXT NOT NULL,
    text_body TEXT NOT NULL,
    html_body TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, kind, locale)
);
