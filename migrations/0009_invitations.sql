-- An offer of a membership by mail. The token of its link is an HMAC of the id and the generation, so nothing here can be used by
-- a reader of it; a new generation ends the links of older ones. assignment_ids are the places held for it.
CREATE TABLE invitations (
    account_id TEXT NOT NULL,
    id TEXT NOT NULL,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL,
    user_id TEXT NOT NULL,
    team_id TEXT NOT NULL,
    role TEXT NOT NULL,
    product_ids TEXT NOT NULL,
    if_full TEXT NOT NULL,
    assignment_ids TEXT NOT NULL,
    state TEXT NOT NULL,
    locale TEXT NOT NULL,
    inviter_id TEXT,
    inviter_name TEXT NOT NULL,
    is_by_person BOOLEAN NOT NULL,
    valid_days BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    mail_id TEXT,
    mail_reply TEXT,
    mailed_at BIGINT NOT NULL,
    sent_at BIGINT,
    remind_at BIGINT,
    expires_at BIGINT NOT NULL,
    accepted_at BIGINT,
    ended_at BIGINT,
    declined BOOLEAN NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, id),
    CONSTRAINT invitations_user FOREIGN KEY (account_id, user_id) REFERENCES users (account_id, id),
    CONSTRAINT invitations_team FOREIGN KEY (account_id, team_id) REFERENCES teams (account_id, id)
);
-- One open offer of a team to a person.
CREATE UNIQUE INDEX invitations_one_open ON invitations (account_id, team_id, user_id) WHERE state IN ('queued', 'sent', 'failed');
CREATE INDEX invitations_by_created ON invitations (account_id, created_at, id);
CREATE INDEX invitations_by_expires ON invitations (account_id, expires_at, id);
CREATE INDEX invitations_by_email ON invitations (account_id, email_key, id);
CREATE INDEX invitations_by_state ON invitations (account_id, state, created_at, id);
CREATE INDEX invitations_by_team ON invitations (account_id, team_id, created_at, id);
CREATE INDEX invitations_by_user ON invitations (account_id, user_id, created_at, id);
CREATE INDEX invitations_by_mail ON invitations (account_id, mail_id) WHERE mail_id IS NOT NULL;
CREATE INDEX invitations_ending ON invitations (account_id, expires_at) WHERE state IN ('queued', 'sent', 'failed');
CREATE INDEX invitations_to_remind ON invitations (account_id, remind_at) WHERE state = 'sent' AND remind_at IS NOT NULL;

-- A self-enrolment address of a team. used never exceeds max_uses: links_within_uses stands behind the conditional update.
CREATE TABLE links (
    account_id TEXT NOT NULL,
    id TEXT NOT NULL,
    external_id TEXT,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    slug TEXT NOT NULL,
    team_id TEXT NOT NULL,
    role TEXT NOT NULL,
    product_ids TEXT NOT NULL,
    if_full TEXT NOT NULL,
    max_uses BIGINT,
    used BIGINT NOT NULL DEFAULT 0,
    starts_at BIGINT,
    expires_at BIGINT,
    allowed_domains TEXT NOT NULL,
    requires_approval BOOLEAN NOT NULL,
    paused BOOLEAN NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, id),
    CONSTRAINT links_within_uses CHECK (used >= 0 AND (max_uses IS NULL OR used <= max_uses)),
    CONSTRAINT links_team FOREIGN KEY (account_id, team_id) REFERENCES teams (account_id, id)
);
CREATE UNIQUE INDEX links_external_id ON links (account_id, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX links_by_created ON links (account_id, created_at, id);
CREATE INDEX links_by_name ON links (account_id, name_key, id);
CREATE INDEX links_by_team ON links (account_id, team_id, created_at, id);

-- Global: the slug of an address leads to the account, before the account is known.
CREATE TABLE link_slugs (
    slug TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL,
    link_id TEXT NOT NULL,
    FOREIGN KEY (account_id, link_id) REFERENCES links (account_id, id)
);
CREATE INDEX link_slugs_by_link ON link_slugs (account_id, link_id);

-- Somebody who asked to join by a link: unconfirmed until the address is proved by the link in a mail.
CREATE TABLE link_requests (
    account_id TEXT NOT NULL,
    id TEXT NOT NULL,
    link_id TEXT NOT NULL,
    team_id TEXT NOT NULL,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL,
    name TEXT,
    locale TEXT NOT NULL,
    state TEXT NOT NULL,
    user_id TEXT,
    reason TEXT,
    decided_by TEXT,
    mailed_at BIGINT,
    expires_at BIGINT NOT NULL,
    confirmed_at BIGINT,
    decided_at BIGINT,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, id),
    CONSTRAINT link_requests_link FOREIGN KEY (account_id, link_id) REFERENCES links (account_id, id)
);
-- A person joins by a link once.
CREATE UNIQUE INDEX link_requests_one ON link_requests (account_id, link_id, email_key);
CREATE INDEX link_requests_by_link ON link_requests (account_id, link_id, created_at, id);
CREATE INDEX link_requests_by_state ON link_requests (account_id, state, created_at, id);
CREATE INDEX link_requests_by_team ON link_requests (account_id, team_id, created_at, id);
CREATE INDEX link_requests_by_created ON link_requests (account_id, created_at, id);
CREATE INDEX link_requests_by_email ON link_requests (account_id, email_key, id);
CREATE INDEX link_requests_ending ON link_requests (account_id, expires_at) WHERE state = 'unconfirmed';

-- How often a link has refused somebody, by the reason told.
CREATE TABLE link_refusals (
    account_id TEXT NOT NULL,
    link_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    refused BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, link_id, reason),
    FOREIGN KEY (account_id, link_id) REFERENCES links (account_id, id)
);
