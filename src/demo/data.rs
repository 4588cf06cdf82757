//! The made-up training company of the demo: its customers, their teams, what it sells and who learns there.

/// Customers: external id, name, external id of the parent.
pub(super) const ORGANIZATIONS: [(&str, &str, Option<&str>); 9] = [
    ("northwind", "Northwind Logistics", None),
    (
        "northwind-de",
        "Northwind Deutschland GmbH",
        Some("northwind"),
    ),
    (
        "northwind-hamburg",
        "Standort Hamburg",
        Some("northwind-de"),
    ),
    (
        "northwind-nl",
        "Northwind Nederland B.V.",
        Some("northwind"),
    ),
    ("halden", "Halden Hospitals", None),
    ("halden-south", "Halden South Campus", Some("halden")),
    ("brightwater", "Brightwater Energy", None),
    ("cask-cooper", "Cask & Cooper Retail", None),
    ("lumen", "Lumen Insurance Group", None),
];

/// Teams: external id, name, external id of the organization.
pub(super) const TEAMS: [(&str, &str, &str); 20] = [
    ("northwind-drivers", "Drivers", "northwind"),
    ("northwind-dispatch", "Dispatch", "northwind"),
    ("northwind-safety", "Safety officers", "northwind"),
    ("northwind-de-lager", "Lager Hamburg", "northwind-hamburg"),
    ("northwind-de-buero", "Büro Köln", "northwind-de"),
    (
        "northwind-nl-magazijn",
        "Magazijn Rotterdam",
        "northwind-nl",
    ),
    ("northwind-nl-kantoor", "Kantoor Utrecht", "northwind-nl"),
    ("halden-nursing", "Nursing", "halden"),
    ("halden-physicians", "Physicians", "halden"),
    ("halden-reception", "Reception", "halden"),
    ("halden-south-nursing", "Nursing South", "halden-south"),
    ("halden-south-lab", "Laboratory", "halden-south"),
    ("brightwater-field", "Field engineers", "brightwater"),
    ("brightwater-control", "Control room", "brightwater"),
    ("brightwater-apprentices", "Apprentices 2026", "brightwater"),
    ("cask-stores", "Store managers", "cask-cooper"),
    ("cask-service", "Customer service", "cask-cooper"),
    ("lumen-sales", "Sales", "lumen"),
    ("lumen-claims", "Claims", "lumen"),
    ("lumen-it", "IT", "lumen"),
];

/// What customers set beside their names: external id, what a change of it would say.
pub(super) const SET: [(&str, &str); 3] = [
    (
        "northwind",
        r##"{ "default_team": "ext:northwind-dispatch", "branding": { "name": "Northwind Academy", "color": "#0b6e4f", "support_email": "academy@northwind.example" } }"##,
    ),
    (
        "northwind-de",
        r#"{ "branding": { "name": "Northwind Akademie" } }"#,
    ),
    (
        "halden",
        r##"{ "default_team": "ext:halden-reception", "branding": { "color": "#8a1538" }, "inherit_catalog": false }"##,
    ),
];

/// Domains: the domain, the organization, how it is proved.
pub(super) const DOMAINS: [(&str, &str, &str); 3] = [
    ("northwind.example", "northwind", "admin"),
    ("halden.example", "halden", "admin"),
    ("lumen.example", "lumen", "dns"),
];

/// Who looks after which organization: the number of the person, the organization.
pub(super) const ADMINS: [(usize, &str); 2] = [(0, "northwind"), (7, "halden")];

/// Groups of the LMS: external id, name, team, direction.
pub(super) const GROUPS: [(&str, &str, &str, &str); 2] = [
    ("drivers", "Drivers 2026", "northwind-drivers", "to_lms"),
    ("wards", "Wards", "halden-nursing", "bidirectional"),
];

/// Courses: external id, name, chapters.
pub(super) const COURSES: [(&str, &str, &[&str]); 12] = [
    (
        "work-safety",
        "Safety at work",
        &["Hazards", "Protective gear", "Reporting", "Test"],
    ),
    (
        "fire-safety",
        "Fire safety",
        &["Causes of fire", "Extinguishers", "Evacuation"],
    ),
    (
        "first-aid",
        "First aid",
        &[
            "Scene and self",
            "Unconsciousness",
            "Bleeding",
            "Resuscitation",
        ],
    ),
    (
        "lifting",
        "Lifting and carrying",
        &["The spine", "Technique", "Aids"],
    ),
    (
        "forklift",
        "Forklift theory",
        &["The machine", "Loads", "Traffic rules", "Test"],
    ),
    (
        "privacy",
        "Data protection basics",
        &["Personal data", "Rights of people", "Incidents"],
    ),
    (
        "phishing",
        "Recognise phishing",
        &["Mails", "Calls", "What to do"],
    ),
    (
        "hygiene",
        "Hospital hygiene",
        &["Hands", "Surfaces", "Outbreaks"],
    ),
    (
        "de-escalation",
        "De-escalation",
        &["Early signs", "Talking", "Getting help"],
    ),
    (
        "selling",
        "Consultative selling",
        &["Listening", "Needs", "Offers", "Closing"],
    ),
    (
        "leading",
        "First-time leaders",
        &["The role", "Feedback", "Delegation", "Conflict"],
    ),
    (
        "high-voltage",
        "Working near high voltage",
        &["Distances", "Locking out", "Rescue"],
    ),
];

/// Products: external id, name, external ids of their courses.
pub(super) const PRODUCTS: [(&str, &str, &[&str]); 8] = [
    ("safety-101", "Safety 101", &["work-safety", "fire-safety"]),
    (
        "warehouse-pack",
        "Warehouse pack",
        &["work-safety", "lifting", "forklift"],
    ),
    ("first-aid", "First aid certificate", &["first-aid"]),
    (
        "security-awareness",
        "Security awareness",
        &["privacy", "phishing"],
    ),
    (
        "clinic-pack",
        "Clinic pack",
        &["hygiene", "first-aid", "de-escalation"],
    ),
    ("sales-pack", "Sales pack", &["selling", "privacy"]),
    ("new-leaders", "New leaders", &["leading", "de-escalation"]),
    (
        "grid-worker",
        "Grid worker",
        &["high-voltage", "first-aid", "work-safety"],
    ),
];

/// What each team has bought: team, product, places, days an assignment lasts (none: no end).
pub(super) const SEATS: [(&str, &str, Option<i64>, Option<i64>); 28] = [
    ("northwind-drivers", "safety-101", Some(20), Some(365)),
    ("northwind-drivers", "first-aid", Some(8), None),
    (
        "northwind-dispatch",
        "security-awareness",
        Some(15),
        Some(40),
    ),
    ("northwind-safety", "safety-101", Some(13), None),
    ("northwind-safety", "new-leaders", Some(4), None),
    ("northwind-de-lager", "warehouse-pack", Some(10), Some(365)),
    (
        "northwind-de-buero",
        "security-awareness",
        Some(13),
        Some(365),
    ),
    (
        "northwind-nl-magazijn",
        "warehouse-pack",
        Some(14),
        Some(38),
    ),
    ("northwind-nl-kantoor", "security-awareness", None, None),
    ("halden-nursing", "clinic-pack", Some(12), Some(730)),
    ("halden-nursing", "first-aid", Some(25), None),
    ("halden-physicians", "clinic-pack", Some(30), Some(730)),
    ("halden-reception", "security-awareness", Some(13), Some(45)),
    ("halden-south-nursing", "clinic-pack", Some(9), Some(730)),
    ("halden-south-lab", "clinic-pack", Some(15), None),
    ("brightwater-field", "grid-worker", Some(13), Some(365)),
    ("brightwater-field", "first-aid", Some(13), None),
    ("brightwater-control", "security-awareness", Some(40), None),
    (
        "brightwater-apprentices",
        "grid-worker",
        Some(10),
        Some(365),
    ),
    ("brightwater-apprentices", "safety-101", Some(16), None),
    ("cask-stores", "new-leaders", Some(13), None),
    ("cask-stores", "sales-pack", Some(20), Some(180)),
    ("cask-service", "sales-pack", Some(12), Some(180)),
    ("lumen-sales", "sales-pack", Some(50), Some(365)),
    ("lumen-claims", "security-awareness", Some(14), Some(36)),
    ("lumen-claims", "new-leaders", Some(3), None),
    ("lumen-it", "security-awareness", None, Some(365)),
    ("lumen-it", "new-leaders", Some(5), None),
];

/// The catalog: external id, name, product, places, credits, cents.
pub(super) const ITEMS: [(&str, &str, &str, i64, i64, i64); 7] = [
    (
        "safety-5",
        "Safety 101, five places",
        "safety-101",
        5,
        60,
        29_500,
    ),
    (
        "safety-25",
        "Safety 101, 25 places",
        "safety-101",
        25,
        260,
        129_000,
    ),
    (
        "warehouse-10",
        "Warehouse pack, ten places",
        "warehouse-pack",
        10,
        180,
        89_000,
    ),
    (
        "first-aid-1",
        "First aid certificate, one place",
        "first-aid",
        1,
        15,
        7_900,
    ),
    (
        "awareness-20",
        "Security awareness, 20 places",
        "security-awareness",
        20,
        120,
        59_000,
    ),
    (
        "clinic-10",
        "Clinic pack, ten places",
        "clinic-pack",
        10,
        220,
        109_000,
    ),
    (
        "leaders-3",
        "New leaders, three places",
        "new-leaders",
        3,
        90,
        44_900,
    ),
];

/// Credits that customers have bought: organization, how many, invoice.
pub(super) const CREDITS: [(&str, i64, &str); 4] = [
    ("northwind", 1_500, "invoice-2026-031"),
    ("halden", 800, "invoice-2026-044"),
    ("brightwater", 600, "invoice-2026-052"),
    ("lumen", 250, "invoice-2026-060"),
];

/// What teams have bought with credits: team, item, packs, days ago.
pub(super) const PURCHASES: [(&str, &str, i64, i64); 5] = [
    ("northwind-drivers", "safety-5", 2, 24),
    ("northwind-de-lager", "warehouse-10", 1, 17),
    ("halden-nursing", "clinic-10", 1, 12),
    ("brightwater-field", "first-aid-1", 6, 6),
    ("lumen-claims", "leaders-3", 1, 2),
];

/// What the shop has told: number, team, product, places, cents, days ago.
pub(super) const SHOP: [(&str, &str, &str, i64, i64, i64); 5] = [
    ("10421", "cask-stores", "new-leaders", 4, 59_600, 27),
    ("10437", "cask-service", "sales-pack", 6, 71_400, 19),
    ("10460", "halden-south-lab", "clinic-pack", 5, 59_500, 14),
    (
        "10482",
        "brightwater-control",
        "security-awareness",
        10,
        29_900,
        8,
    ),
    ("10509", "lumen-sales", "sales-pack", 5, 59_500, 1),
];

/// First names of people.
pub(super) const FIRST_NAMES: [&str; 25] = [
    "Ada", "Amir", "Beatriz", "Björn", "Chiara", "Daan", "Elif", "Fatima", "Georg", "Hanna",
    "Ines", "Jakub", "Kwame", "Lena", "Mateo", "Nadia", "Olga", "Priya", "Quentin", "Rosa", "Sven",
    "Thandi", "Uma", "Wei", "Zoë",
];

/// Last names of people.
pub(super) const LAST_NAMES: [&str; 25] = [
    "Adeyemi",
    "Bakker",
    "Çelik",
    "Dubois",
    "Eriksen",
    "Ferrari",
    "García",
    "Haddad",
    "Ivanova",
    "Jansen",
    "Kowalska",
    "Lindqvist",
    "Müller",
    "Nguyen",
    "O’Brien",
    "Petrov",
    "Quist",
    "Rossi",
    "Schmidt",
    "Tanaka",
    "Usman",
    "Vermeer",
    "Wójcik",
    "Yılmaz",
    "Zhang",
];
