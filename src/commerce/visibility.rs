//! Who sees a catalog item: the one place where the rule stands.
//!
//! An item is on offer for all, or for the teams it names, or for the organizations it names with everything below them.
//! An organization that does not inherit its catalog stops what comes from above it: neither it nor what is below it
//! sees items by the organizations further up. What names it directly, and what is for all, stays visible.

/// Whether the organization `o` lets through what comes from above it.
macro_rules! inherits {
    () => {
        "TRUE"
    };
}

/// The organizations by which a place of the tree sees items: itself, and those above it as far as catalogs are
/// inherited. `$start` is what is true of the organizations `o` to begin with.
macro_rules! upwards {
    ($start:literal) => {
        concat!(
            "WITH RECURSIVE up (id, parent_id, inherits) AS (SELECT o.id, o.parent_id, ",
            inherits!(),
            " FROM organizations o WHERE o.account_id = $1 AND ",
            $start,
            " UNION SELECT o.id, o.parent_id, ",
            inherits!(),
            " FROM organizations o JOIN up ON up.parent_id = o.id AND up.inherits WHERE o.account_id = $1) SELECT id FROM up"
        )
    };
}

/// The condition on `catalog_items` that a team sees the item; `{}` is where the comparison of the team's id goes.
pub const OF_TEAM: &str = concat!(
    "(catalog_items.for_all OR catalog_items.id IN (SELECT a.item_id FROM catalog_audiences a WHERE a.account_id = $1 AND a.team_id {}) ",
    "OR catalog_items.id IN (SELECT a.item_id FROM catalog_audiences a WHERE a.account_id = $1 AND a.organization_id IN (",
    upwards!("o.id IN (SELECT t.organization_id FROM teams t WHERE t.account_id = $1 AND t.id {})"),
    ")))"
);

/// The same for an organization.
pub const OF_ORGANIZATION: &str = concat!(
    "(catalog_items.for_all OR catalog_items.id IN (SELECT a.item_id FROM catalog_audiences a WHERE a.account_id = $1 AND a.organization_id IN (",
    upwards!("o.id {}"),
    ")))"
);

/// What is true of the items that a caller limited to teams sees: published ones, visible to one of these teams.
pub const WITHIN_REACH: &str = concat!(
    "(catalog_items.status = 'published' AND (catalog_items.for_all ",
    "OR catalog_items.id IN (SELECT a.item_id FROM catalog_audiences a WHERE a.account_id = $1 AND a.team_id IN {}) ",
    "OR catalog_items.id IN (SELECT a.item_id FROM catalog_audiences a WHERE a.account_id = $1 AND a.organization_id IN (",
    upwards!(
        "o.id IN (SELECT t.organization_id FROM teams t WHERE t.account_id = $1 AND t.id IN {})"
    ),
    "))))"
);
