CREATE TABLE provisions (
    account_id TEXT NOT NULL,
    id TEXT NOT NULL,
    external_reference TEXT,
    outcome TEXT NOT NULL,
    user_id TEXT NOT NULL,
    team_id TEXT,
    mail_id TEXT,
    answer TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, user_id) REFERENCES users (account_id, id)
);
CREATE INDEX provisions_by_reference ON provisions (account_id, external_reference, id) WHERE external_reference IS NOT NULL;
CREATE INDEX provisions_by_user ON provisions (account_id, user_id, id);
CREATE INDEX provisions_by_created ON provisions (account_id, created_at, id);
