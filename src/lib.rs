pub mod email;
pub mod i18n;
pub mod locale;
