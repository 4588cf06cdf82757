-- A pack on offer. terms is JSON, or absent: the template's, else the account's.
CREATE TABLE catalog_items (
    account_id TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    external_id TEXT,
    description TEXT,
    product_id TEXT NOT NULL,
    quantity BIGINT NOT NULL,
    price_credits BIGINT,
    price_amount BIGINT,
    currency TEXT,
    terms TEXT,
    template_id TEXT,
    visible_to TEXT NOT NULL,
    for_all BOOLEAN NOT NULL,
    status TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, id),
    CONSTRAINT catalog_items_product FOREIGN KEY (account_id, product_id) REFERENCES products (account_id, id),
    CONSTRAINT catalog_items_template FOREIGN KEY (account_id, template_id) REFERENCES seat_templates (account_id, id)
);
CREATE UNIQUE INDEX catalog_items_external_id ON catalog_items (account_id, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX catalog_items_by_created ON catalog_items (account_id, created_at, id);
CREATE INDEX catalog_items_by_name ON catalog_items (account_id, name_key, id);
CREATE INDEX catalog_items_by_product ON catalog_items (account_id, product_id, created_at, id);
CREATE INDEX catalog_items_by_status ON catalog_items (account_id, status, created_at, id);
CREATE INDEX catalog_items_by_credits ON catalog_items (account_id, price_credits, id);
CREATE INDEX catalog_items_by_template ON catalog_items (account_id, template_id) WHERE template_id IS NOT NULL;

-- For whom an item is on offer that is not for all: audience is the id of the team or organization.
CREATE TABLE catalog_audiences (
    account_id TEXT NOT NULL,
    item_id TEXT NOT NULL,
    audience TEXT NOT NULL,
    organization_id TEXT,
    team_id TEXT,
    PRIMARY KEY (account_id, item_id, audience),
    FOREIGN KEY (account_id, item_id) REFERENCES catalog_items (account_id, id),
    CONSTRAINT catalog_audiences_organization FOREIGN KEY (account_id, organization_id) REFERENCES organizations (account_id, id),
    CONSTRAINT catalog_audiences_team FOREIGN KEY (account_id, team_id) REFERENCES teams (account_id, id)
);
CREATE INDEX catalog_audiences_by_organization ON catalog_audiences (account_id, organization_id, item_id) WHERE organization_id IS NOT NULL;
CREATE INDEX catalog_audiences_by_team ON catalog_audiences (account_id, team_id, item_id) WHERE team_id IS NOT NULL;

-- What a team or an organization has to spend. The balance equals the sum of its entries; the guard is credit_accounts_covered.
CREATE TABLE credit_accounts (
    account_id TEXT NOT NULL,
    id TEXT NOT NULL,
    team_id TEXT,
    organization_id TEXT,
    balance BIGINT NOT NULL,
    overdraft BIGINT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, id),
    CONSTRAINT credit_accounts_owner CHECK ((team_id IS NULL) <> (organization_id IS NULL)),
    CONSTRAINT credit_accounts_covered CHECK (overdraft >= 0 AND balance + overdraft >= 0),
    FOREIGN KEY (account_id, team_id) REFERENCES teams (account_id, id),
    FOREIGN KEY (account_id, organization_id) REFERENCES organizations (account_id, id)
);
CREATE UNIQUE INDEX credit_accounts_team ON credit_accounts (account_id, team_id) WHERE team_id IS NOT NULL;
CREATE UNIQUE INDEX credit_accounts_organization ON credit_accounts (account_id, organization_id) WHERE organization_id IS NOT NULL;
CREATE INDEX credit_accounts_by_created ON credit_accounts (account_id, created_at, id);
CREATE INDEX credit_accounts_by_balance ON credit_accounts (account_id, balance, id);

-- A purchase. lines, paid_by, failure and timeline are JSON; order_lines has the lines again as rows to look up by and to refer from.
CREATE TABLE orders (
    account_id TEXT NOT NULL,
    id TEXT NOT NULL,
    external_id TEXT,
    source TEXT NOT NULL,
    external_reference TEXT,
    buyer TEXT NOT NULL,
    team_id TEXT,
    organization_id TEXT,
    payment TEXT NOT NULL,
    status TEXT NOT NULL,
    currency TEXT,
    total_amount BIGINT,
    total_credits BIGINT,
    refunded_amount BIGINT NOT NULL,
    refunded_credits BIGINT NOT NULL,
    lines TEXT NOT NULL,
    paid_by TEXT NOT NULL,
    failure TEXT,
    note TEXT,
    metadata TEXT NOT NULL,
    timeline TEXT NOT NULL,
    paid_at BIGINT,
    fulfilled_at BIGINT,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, id),
    CONSTRAINT orders_buyer CHECK (team_id IS NOT NULL OR organization_id IS NOT NULL),
    FOREIGN KEY (account_id, team_id) REFERENCES teams (account_id, id),
    FOREIGN KEY (account_id, organization_id) REFERENCES organizations (account_id, id)
);
CREATE UNIQUE INDEX orders_external_id ON orders (account_id, external_id) WHERE external_id IS NOT NULL;
-- A purchase that a shop tells twice is one order.
CREATE UNIQUE INDEX orders_external_reference ON orders (account_id, source, external_reference) WHERE external_reference IS NOT NULL;
CREATE INDEX orders_by_reference ON orders (account_id, external_reference, id) WHERE external_reference IS NOT NULL;
CREATE INDEX orders_by_created ON orders (account_id, created_at, id);
CREATE INDEX orders_by_status ON orders (account_id, status, created_at, id);
CREATE INDEX orders_by_source ON orders (account_id, source, created_at, id);
CREATE INDEX orders_by_payment ON orders (account_id, payment, created_at, id);
CREATE INDEX orders_by_team ON orders (account_id, team_id, created_at, id) WHERE team_id IS NOT NULL;
CREATE INDEX orders_by_organization ON orders (account_id, organization_id, created_at, id) WHERE organization_id IS NOT NULL;

CREATE TABLE order_lines (
    account_id TEXT NOT NULL,
    order_id TEXT NOT NULL,
    id TEXT NOT NULL,
    product_id TEXT NOT NULL,
    catalog_item_id TEXT,
    team_id TEXT,
    seat_id TEXT,
    quantity BIGINT NOT NULL,
    places BIGINT NOT NULL,
    refunded BIGINT NOT NULL,
    amount BIGINT,
    credits BIGINT,
    PRIMARY KEY (account_id, order_id, id),
    CONSTRAINT order_lines_within CHECK (quantity > 0 AND refunded >= 0 AND refunded <= quantity),
    FOREIGN KEY (account_id, order_id) REFERENCES orders (account_id, id),
    CONSTRAINT order_lines_product FOREIGN KEY (account_id, product_id) REFERENCES products (account_id, id),
    CONSTRAINT order_lines_item FOREIGN KEY (account_id, catalog_item_id) REFERENCES catalog_items (account_id, id),
    FOREIGN KEY (account_id, team_id) REFERENCES teams (account_id, id),
    CONSTRAINT order_lines_seat FOREIGN KEY (account_id, seat_id) REFERENCES seats (account_id, id)
);
CREATE INDEX order_lines_by_product ON order_lines (account_id, product_id, order_id);
CREATE INDEX order_lines_by_item ON order_lines (account_id, catalog_item_id, order_id) WHERE catalog_item_id IS NOT NULL;
CREATE INDEX order_lines_by_team ON order_lines (account_id, team_id, order_id) WHERE team_id IS NOT NULL;
CREATE INDEX order_lines_by_seat ON order_lines (account_id, seat_id, order_id) WHERE seat_id IS NOT NULL;

CREATE TABLE order_refunds (
    account_id TEXT NOT NULL,
    id TEXT NOT NULL,
    order_id TEXT NOT NULL,
    reference TEXT,
    reason TEXT,
    lines TEXT NOT NULL,
    amount BIGINT NOT NULL,
    credits BIGINT NOT NULL,
    actor_type TEXT NOT NULL,
    actor_id TEXT,
    actor_name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, order_id) REFERENCES orders (account_id, id)
);
-- A refund that is told twice is one.
CREATE UNIQUE INDEX order_refunds_reference ON order_refunds (account_id, order_id, reference) WHERE reference IS NOT NULL;
CREATE INDEX order_refunds_by_order ON order_refunds (account_id, order_id, created_at, id);

-- One side of a movement of credits: an account's, or the system's other side. The entries of a transaction sum to zero.
CREATE TABLE credit_entries (
    account_id TEXT NOT NULL,
    id TEXT NOT NULL,
    transaction_id TEXT NOT NULL,
    credit_account_id TEXT,
    team_id TEXT,
    organization_id TEXT,
    system_account TEXT,
    amount BIGINT NOT NULL,
    reason TEXT NOT NULL,
    note TEXT,
    reference TEXT,
    order_id TEXT,
    refund_id TEXT,
    actor_type TEXT NOT NULL,
    actor_id TEXT,
    actor_name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, id),
    CONSTRAINT credit_entries_side CHECK ((credit_account_id IS NULL) <> (system_account IS NULL)),
    FOREIGN KEY (account_id, credit_account_id) REFERENCES credit_accounts (account_id, id),
    FOREIGN KEY (account_id, order_id) REFERENCES orders (account_id, id),
    FOREIGN KEY (account_id, refund_id) REFERENCES order_refunds (account_id, id)
);
-- A movement that is told twice counts once.
CREATE UNIQUE INDEX credit_entries_reference ON credit_entries (account_id, credit_account_id, reference) WHERE reference IS NOT NULL AND credit_account_id IS NOT NULL;
CREATE INDEX credit_entries_by_created ON credit_entries (account_id, created_at, id);
CREATE INDEX credit_entries_by_account ON credit_entries (account_id, credit_account_id, created_at, id) WHERE credit_account_id IS NOT NULL;
CREATE INDEX credit_entries_by_team ON credit_entries (account_id, team_id, created_at, id) WHERE team_id IS NOT NULL;
CREATE INDEX credit_entries_by_organization ON credit_entries (account_id, organization_id, created_at, id) WHERE organization_id IS NOT NULL;
CREATE INDEX credit_entries_by_reason ON credit_entries (account_id, reason, created_at, id);
CREATE INDEX credit_entries_by_reference ON credit_entries (account_id, reference, created_at, id) WHERE reference IS NOT NULL;
CREATE INDEX credit_entries_by_order ON credit_entries (account_id, order_id, id) WHERE order_id IS NOT NULL;
CREATE INDEX credit_entries_by_transaction ON credit_entries (account_id, transaction_id);
