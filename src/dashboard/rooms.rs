//! The rooms of the dashboard: what the navigation has, in order, and who sees which.

use super::icons::Icon;
use super::layout::{NavGroup, NavItem};
use crate::access::{Caller, Permission, Reach};

/// A room of the dashboard: one entry of the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// What needs attention.
    Home,
    /// People.
    Users,
    /// Teams.
    Teams,
    /// The tree of customers.
    Organizations,
    /// Groups of the LMS.
    Groups,
    /// Allocations of places.
    Seats,
    /// Wishes for places.
    Requests,
    /// Offers of memberships by mail.
    Invitations,
    /// Self-enrolment addresses.
    Links,
    /// What seats are of.
    Products,
    /// What people learn.
    Courses,
    /// Who may do what.
    Roles,
    /// Questions over the whole account.
    Reports,
    /// Packs on offer.
    Catalog,
    /// What was bought.
    Orders,
    /// Who is in which course.
    Enrollments,
    /// Calls that provisioned people.
    Provisions,
    /// What is done about seats by itself.
    SeatSettings,
    /// API keys.
    Api,
    /// The outbox.
    Mails,
    /// Background jobs.
    Jobs,
    /// The audit trail.
    Audit,
}

/// A room with its label, icon, address and what it takes to see it.
type Entry = (Room, &'static str, Icon, &'static str, Permission);

/// The rooms in which people work.
const MAIN: [Entry; 16] = [
    (
        Room::Home,
        "Home",
        Icon::Home,
        "/dashboard",
        Permission::TeamsRead,
    ),
    (
        Room::Users,
        "Users",
        Icon::Users,
        "/dashboard/users",
        Permission::UsersRead,
    ),
    (
        Room::Teams,
        "Teams",
        Icon::Team,
        "/dashboard/teams",
        Permission::TeamsRead,
    ),
    (
        Room::Organizations,
        "Organizations",
        Icon::Building,
        "/dashboard/organizations",
        Permission::OrganizationsRead,
    ),
    (
        Room::Groups,
        "Groups",
        Icon::Link,
        "/dashboard/groups",
        Permission::GroupsRead,
    ),
    (
        Room::Seats,
        "Seats",
        Icon::Seat,
        "/dashboard/seats",
        Permission::SeatsRead,
    ),
    (
        Room::Requests,
        "Requests",
        Icon::Inbox,
        "/dashboard/requests",
        Permission::SeatsRead,
    ),
    (
        Room::Invitations,
        "Invitations",
        Icon::Mail,
        "/dashboard/invitations",
        Permission::InvitationsRead,
    ),
    (
        Room::Links,
        "Links",
        Icon::Link,
        "/dashboard/links",
        Permission::LinksRead,
    ),
    (
        Room::Products,
        "Products",
        Icon::Box,
        "/dashboard/products",
        Permission::ProductsRead,
    ),
    (
        Room::Courses,
        "Courses",
        Icon::Book,
        "/dashboard/courses",
        Permission::CoursesRead,
    ),
    (
        Room::Reports,
        "Reports",
        Icon::Chart,
        "/dashboard/reports",
        Permission::ReportsRead,
    ),
    (
        Room::Catalog,
        "Catalog",
        Icon::Tag,
        "/dashboard/catalog",
        Permission::CatalogRead,
    ),
    (
        Room::Orders,
        "Orders",
        Icon::Cart,
        "/dashboard/orders",
        Permission::OrdersRead,
    ),
    (
        Room::Enrollments,
        "Enrollments",
        Icon::Chart,
        "/dashboard/enrollments",
        Permission::EnrollmentsRead,
    ),
    (
        Room::Provisions,
        "Provisions",
        Icon::Bolt,
        "/dashboard/provisions",
        Permission::ProvisionRead,
    ),
];

/// The rooms of those who look after the account.
const SETTINGS: [Entry; 6] = [
    (
        Room::SeatSettings,
        "Seat settings",
        Icon::Seat,
        "/dashboard/settings/seats",
        Permission::SettingsRead,
    ),
    (
        Room::Roles,
        "Roles",
        Icon::Shield,
        "/dashboard/settings/roles",
        Permission::RolesRead,
    ),
    (
        Room::Api,
        "API",
        Icon::Code,
        "/dashboard/settings/api",
        Permission::KeysRead,
    ),
    (
        Room::Mails,
        "Mails",
        Icon::Mail,
        "/dashboard/mails",
        Permission::MailsRead,
    ),
    (
        Room::Jobs,
        "Jobs",
        Icon::Activity,
        "/dashboard/jobs",
        Permission::JobsRead,
    ),
    (
        Room::Audit,
        "Audit",
        Icon::Shield,
        "/dashboard/audit",
        Permission::AuditRead,
    ),
];

/// The navigation of a caller who is in `current`, if in any: the rooms they may enter.
pub fn navigation(caller: &Caller, current: Option<Room>) -> Vec<NavGroup> {
    let whole = caller.reach == Reach::Account;
    let items = |entries: &[Entry]| -> Vec<NavItem> {
        entries
            .iter()
            .filter(|(.., permission)| caller.may(*permission))
            .map(|(room, label, icon, href, _)| {
                NavItem::new(*icon, *label, *href).current(Some(*room) == current)
            })
            .collect()
    };
    let mut groups = vec![NavGroup::plain(items(&MAIN))];
    let settings = items(&SETTINGS);
    if whole && !settings.is_empty() {
        groups.push(NavGroup::named("Settings", settings));
    }
    groups
}
