//! Passwords: hashed with Argon2id, a few at a time, off the threads that serve requests.
//!
//! A hash costs 19 MiB and some tens of milliseconds, so a crowd signing in at once waits here in line instead of taking
//! the memory of the machine. An unknown address costs the same work as a known one ([`PasswordHasher::verify_password`]
//! with no hash), so that the time of the answer does not tell who has an account.
//! Passwords are normalized to NFKC before hashing (NIST SP 800-63B-4, section 3.1.1.2): the same password typed on
//! another keyboard is the same password.

use std::sync::Arc;

use argon2::password_hash::Error::PasswordInvalid as WrongPassword;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use rand::CryptoRng;
use thiserror::Error;
use tokio::sync::Semaphore;
use unicode_normalization::UnicodeNormalization;

pub use super::password_rules::{MAX_BYTES, MIN_CHARS, PasswordRuleError, check_rules};
use crate::types::secret::Secret;

/// Memory of one hash in KiB (19 MiB): OWASP Password Storage Cheat Sheet, Argon2id, second recommended setting.
pub const MEMORY_KIB: u32 = 19 * 1024;
/// Passes over the memory: the same source.
pub const PASSES: u32 = 2;
/// Lanes: the same source.
pub const LANES: u32 = 1;
/// Bytes of salt: RFC 9106, section 3.1.
const SALT_LEN: usize = 16;
/// Bytes of hash.
const HASH_LEN: usize = 32;

/// Why a password could not be hashed or a hash not be read. Never «wrong password»: that is `Ok(false)`.
#[derive(Debug, Error)]
pub enum PasswordError {
    /// The stored text is not an Argon2 hash.
    #[error("the stored password hash cannot be read: {0}")]
    Stored(String),
    /// Argon2 refused its input or could not get its memory.
    #[error("the password could not be hashed: {0}")]
    Hash(String),
    /// The program is shutting down.
    #[error("the password work was cut off by the shutdown")]
    CutOff,
}

/// Hashes and verifies passwords, at most as many at once as the machine has cores.
#[derive(Clone, Debug)]
pub struct PasswordHasher {
    argon2: Argon2<'static>,
    places: Arc<Semaphore>,
    /// A hash of nothing anybody knows, verified where there is no user.
    dummy: Arc<str>,
}

impl PasswordHasher {
    /// With the parameters above and one place per core. Takes as long as one hash.
    pub fn new(rng: &mut dyn CryptoRng) -> Result<Self, PasswordError> {
        let params = Params::new(MEMORY_KIB, PASSES, LANES, Some(HASH_LEN)).map_err(hash_error)?;
        Self::with_params(params, rng)
    }

    fn with_params(params: Params, rng: &mut dyn CryptoRng) -> Result<Self, PasswordError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let mut unknown = [0; 32];
        rng.fill_bytes(&mut unknown);
        let dummy = hash_bytes(&argon2, &unknown, &salt(rng))?;
        Ok(Self {
            argon2,
            places: Arc::new(Semaphore::new(cores)),
            dummy: dummy.into(),
        })
    }

    /// The hash to store, in PHC text form (`$argon2id$v=19$m=19456,t=2,p=1$…`), with a new salt.
    ///
    /// It does not check [`check_rules`]: that is for the door where a password is chosen.
    pub async fn hash_password(
        &self,
        password: &Secret<String>,
        salt: [u8; SALT_LEN],
    ) -> Result<String, PasswordError> {
        let (argon2, password) = (self.argon2.clone(), normalized(password));
        self.in_line(move || hash_bytes(&argon2, password.expose().as_bytes(), &salt))
            .await
    }

    /// Whether `password` is the one that was hashed. `None` for a user who is unknown or has no password: false, after
    /// the same work. A password longer than any that could have been chosen is hashed cut, and false.
    pub async fn verify_password(
        &self,
        password: &Secret<String>,
        stored: Option<&str>,
    ) -> Result<bool, PasswordError> {
        let possible = stored.is_some() && password.expose().len() <= MAX_BYTES;
        let hash: Arc<str> = stored
            .filter(|_| possible)
            .map_or_else(|| Arc::clone(&self.dummy), Arc::from);
        let password = if possible {
            normalized(password)
        } else {
            Secret::new(String::new())
        };
        let argon2 = self.argon2.clone();
        let fits = self
            .in_line(move || {
                let hash = PasswordHash::new(&hash)
                    .map_err(|error| PasswordError::Stored(error.to_string()))?;
                match argon2.verify_password(password.expose().as_bytes(), &hash) {
                    Ok(()) => Ok(true),
                    Err(WrongPassword) => Ok(false),
                    Err(error) => Err(hash_error(error)),
                }
            })
            .await?;
        Ok(fits && possible)
    }

    /// Whether a hash was made with other parameters than today's and should be made anew at the next sign-in.
    pub fn is_outdated(&self, stored: &str) -> bool {
        let params = PasswordHash::new(stored)
            .ok()
            .and_then(|hash| Params::try_from(&hash).ok());
        params.is_none_or(|params| {
            (params.m_cost(), params.t_cost(), params.p_cost())
                != (
                    self.argon2.params().m_cost(),
                    self.argon2.params().t_cost(),
                    self.argon2.params().p_cost(),
                )
        })
    }

    async fn in_line<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let place = Arc::clone(&self.places)
            .acquire_owned()
            .await
            .map_err(|_| PasswordError::CutOff)?;
        // The place goes with the work: a caller who hangs up does not free it early.
        tokio::task::spawn_blocking(move || {
            let result = work();
            drop(place);
            result
        })
        .await
        .map_err(|_| PasswordError::CutOff)?
    }
}

/// A new salt for [`PasswordHasher::hash_password`].
pub fn salt(rng: &mut dyn CryptoRng) -> [u8; SALT_LEN] {
    let mut salt = [0; SALT_LEN];
    rng.fill_bytes(&mut salt);
    salt
}

fn normalized(password: &Secret<String>) -> Secret<String> {
    Secret::new(password.expose().nfkc().collect())
}

fn hash_bytes(argon2: &Argon2<'_>, password: &[u8], salt: &[u8]) -> Result<String, PasswordError> {
    argon2
        .hash_password_with_salt(password, salt)
        .map(|hash| hash.to_string())
        .map_err(hash_error)
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "used as a function of map_err"
)]
fn hash_error(error: impl ToString) -> PasswordError {
    PasswordError::Hash(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    fn quick() -> PasswordHasher {
        let params = Params::new(8, 1, 1, Some(HASH_LEN)).unwrap();
        PasswordHasher::with_params(params, &mut StdRng::seed_from_u64(1)).unwrap()
    }

    #[tokio::test]
    async fn verifies_what_it_hashed_with_the_named_parameters() {
        let hasher = PasswordHasher::new(&mut StdRng::seed_from_u64(1)).unwrap();
        let hash = hasher
            .hash_password(&secret("correct horse"), [1; 16])
            .await
            .unwrap();
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        assert!(
            hasher
                .verify_password(&secret("correct horse"), Some(&hash))
                .await
                .unwrap()
        );
        assert!(
            !hasher
                .verify_password(&secret("correct horsf"), Some(&hash))
                .await
                .unwrap()
        );
        // A hash brings its own parameters, so changing ours locks nobody out.
        let old = quick()
            .hash_password(&secret("correct horse"), [1; 16])
            .await
            .unwrap();
        assert!(
            hasher
                .verify_password(&secret("correct horse"), Some(&old))
                .await
                .unwrap()
        );
        assert!(!hasher.is_outdated(&hash));
        assert!(quick().is_outdated(&hash));
        assert!(quick().is_outdated("nonsense"));
    }

    #[tokio::test]
    async fn the_same_password_from_another_keyboard_fits() {
        let hash = quick()
            .hash_password(&secret("Gru\u{308}ße ﬁne 2²"), [1; 16])
            .await
            .unwrap();
        assert!(
            quick()
                .verify_password(&secret("Grüße fine 22"), Some(&hash))
                .await
                .unwrap()
        );
    }

    #[tokio::test]
    async fn nobody_signs_in_without_a_hash_or_with_an_endless_password() {
        let hasher = quick();
        assert!(!hasher.verify_password(&secret(""), None).await.unwrap());
        let long = secret(&"x".repeat(MAX_BYTES + 1));
        let hash = hasher.hash_password(&long, [1; 16]).await.unwrap();
        assert!(!hasher.verify_password(&long, Some(&hash)).await.unwrap());
    }

    #[tokio::test]
    async fn a_broken_hash_is_an_error_not_a_wrong_password() {
        let error = quick()
            .verify_password(&secret("x"), Some("plain"))
            .await
            .unwrap_err();
        assert!(matches!(error, PasswordError::Stored(_)));
    }

    #[tokio::test]
    async fn many_at_once_all_finish() {
        let hasher = quick();
        let password = secret("correct horse");
        let all = (0..40).map(|_| hasher.hash_password(&password, [2; 16]));
        let made = futures::future::try_join_all(all).await.unwrap();
        assert!(made.windows(2).all(|pair| pair[0] == pair[1]));
        assert_eq!(
            hasher.places.available_permits(),
            std::thread::available_parallelism().unwrap().get()
        );
    }
}
