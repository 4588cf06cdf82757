-- The report of orders and credits goes along these, see reports/orders_and_credits.rs.
CREATE INDEX orders_by_booking ON orders (account_id, (COALESCE(paid_at, created_at)), id);
CREATE INDEX order_refunds_by_created ON order_refunds (account_id, created_at, id);

-- The provision whose places an order is of: when it is taken back, so is the order. Both are written at one moment.
ALTER TABLE orders ADD COLUMN provision_id TEXT;
UPDATE orders SET provision_id = (SELECT min(p.id) FROM provisions p WHERE p.account_id = orders.account_id AND p.created_at = orders.created_at
    AND p.team_id = orders.team_id AND (p.external_reference = orders.external_reference
    OR substr(p.external_reference, 1, 150) || '/' || p.id = orders.external_reference)) WHERE source = 'provision';
CREATE INDEX orders_by_provision ON orders (account_id, provision_id, created_at, id) WHERE provision_id IS NOT NULL;

-- How often the page of a link was opened.
CREATE TABLE link_views (
    account_id TEXT NOT NULL,
    link_id TEXT NOT NULL,
    views BIGINT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, link_id),
    FOREIGN KEY (account_id, link_id) REFERENCES links (account_id, id)
);

-- A custom role that is offered is not deleted.
CREATE INDEX links_by_role ON links (account_id, role);
CREATE INDEX invitations_open_by_role ON invitations (account_id, role) WHERE state IN ('queued', 'sent', 'failed');

-- What a team had beside its members when it was put aside: its domains, and where it was the default team
-- (organization_id is empty for the account). A restore gives back what is still free.
CREATE TABLE former_domain_claims (
    account_id TEXT NOT NULL,
    id TEXT NOT NULL,
    domain TEXT NOT NULL,
    organization_id TEXT,
    team_id TEXT NOT NULL,
    proof TEXT NOT NULL,
    state TEXT NOT NULL,
    txt_record TEXT NOT NULL,
    verified_at BIGINT,
    checked_at BIGINT,
    check_result TEXT,
    next_check_at BIGINT,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, team_id, id),
    FOREIGN KEY (account_id, team_id) REFERENCES teams (account_id, id)
);
CREATE TABLE former_defaults (
    account_id TEXT NOT NULL,
    team_id TEXT NOT NULL,
    organization_id TEXT NOT NULL,
    PRIMARY KEY (account_id, team_id, organization_id),
    FOREIGN KEY (account_id, team_id) REFERENCES teams (account_id, id)
);

-- Signing in by an address from before a merge: whoever types it names no account.
CREATE INDEX user_aliases_by_address ON user_aliases (email_key);
CREATE INDEX invitations_by_inviter ON invitations (account_id, inviter_id) WHERE inviter_id IS NOT NULL;
