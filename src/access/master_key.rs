//! The one secret of an installation, from which every other server-side key is derived.
//!
//! It is given as text in the settings (`secrets.master_key`) or lies in a file (`secrets.master_key_file`), which the
//! first start makes, readable by its owner only. All nodes of one installation need the same one. Whoever loses it
//! loses sessions, open links, list cursors and all API keys, but no data.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hkdf::Hkdf;
use rand::CryptoRng;
use sha2::Sha256;
use thiserror::Error;
use zeroize::Zeroize;

use crate::config::SecretsConfig;
use crate::types::secret::Secret;

/// Why there is no master key.
#[derive(Debug, Error)]
pub enum MasterKeyError {
    /// The text is not the base64 of exactly 32 bytes.
    #[error(
        "the master key in {source_name} is not the base64 form of 32 bytes; make one with: openssl rand -base64 32"
    )]
    Malformed {
        /// The setting or file it came from.
        source_name: String,
    },
    /// The file cannot be read or written.
    #[error("cannot {verb} the master key file {}", path.display())]
    File {
        /// `read` or `create`.
        verb: &'static str,
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// Others than the owner can read the file.
    #[error("the master key file {} can be read by other users (mode {mode:o}); run: chmod 600 {}", path.display(), path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
}

/// 32 bytes of chance, known to the nodes of one installation only.
#[derive(Clone, Debug)]
pub struct MasterKey(Secret<[u8; 32]>);

impl MasterKey {
    /// Takes the key from the settings' text, else from the file; makes the file (mode 0600, its folders too) if it is
    /// missing.
    ///
    /// Two processes that start at once on an empty folder end with the same key: the file is made under another name
    /// and linked into place, and who comes second reads what the first has written.
    pub fn load_or_create(
        secrets: &SecretsConfig,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, MasterKeyError> {
        if let Some(text) = &secrets.master_key {
            return Self::parse(text.expose(), "secrets.master_key");
        }
        let path = secrets.master_key_file.as_path();
        let failed = |verb: &'static str| {
            move |source: io::Error| MasterKeyError::File {
                verb,
                path: path.to_owned(),
                source,
            }
        };
        match fs::read_to_string(path) {
            Ok(mut text) => {
                refuse_exposed(path).map_err(failed("read"))??;
                let key = Self::parse(&text, &path.display().to_string());
                text.zeroize();
                return key;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed("read")(error)),
        }
        let mut bytes = [0; 32];
        rng.fill_bytes(&mut bytes);
        create_private(path, &STANDARD.encode(bytes), rng.next_u64()).map_err(failed("create"))?;
        bytes.zeroize();
        let mut text = fs::read_to_string(path).map_err(failed("read"))?;
        let key = Self::parse(&text, &path.display().to_string());
        text.zeroize();
        key
    }

    /// Reads the base64 form (standard alphabet, padded, white space around it ignored).
    ///
    /// `source_name` is what an error says the text came from.
    pub fn parse(text: &str, source_name: &str) -> Result<Self, MasterKeyError> {
        let malformed = || MasterKeyError::Malformed {
            source_name: source_name.to_owned(),
        };
        let bytes = Secret::new(STANDARD.decode(text.trim()).map_err(|_| malformed())?);
        let key = <[u8; 32]>::try_from(bytes.expose().as_slice()).map_err(|_| malformed())?;
        Ok(Self(Secret::new(key)))
    }

    /// The key for one purpose, by HKDF-SHA-256 (RFC 5869) with the purpose as `info` and no salt. The same purpose
    /// always gives the same key; one purpose's key tells nothing about another's.
    pub fn derive(&self, purpose: &'static str) -> [u8; 32] {
        let mut key = [0; 32];
        let filled =
            Hkdf::<Sha256>::new(None, self.0.expose()).expand(purpose.as_bytes(), &mut key);
        debug_assert!(filled.is_ok(), "HKDF-SHA-256 gives up to 8160 bytes");
        key
    }
}

/// Makes a file only its owner can read, if there is none yet; never leaves a half-written one under its name. `nonce`
/// tells the drafts of two processes apart, whose process ids may be equal in two containers.
fn create_private(path: &Path, text: &str, nonce: u64) -> io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let draft = folder.join(format!(".{name}.{nonce:016x}"));
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

#[cfg(unix)]
fn refuse_exposed(path: &Path) -> io::Result<Result<(), MasterKeyError>> {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(path)?.permissions().mode() & 0o777;
    // A group may read it: that is how container platforms mount secrets.
    Ok(if mode % 0o10 == 0 {
        Ok(())
    } else {
        Err(MasterKeyError::Exposed {
            path: path.to_owned(),
            mode,
        })
    })
}

#[cfg(not(unix))]
fn refuse_exposed(_: &Path) -> io::Result<Result<(), MasterKeyError>> {
    Ok(Ok(()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hmac::{Hmac, KeyInit, Mac};
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    fn secrets(path: &Path) -> SecretsConfig {
        SecretsConfig {
            master_key: None,
            master_key_file: path.to_owned(),
        }
    }

    #[test]
    fn derives_as_rfc_5869_says_and_apart_by_purpose() {
        let key = MasterKey::parse(&STANDARD.encode([1; 32]), "test").unwrap();
        assert_eq!(key.derive("cursor"), key.derive("cursor"));
        assert_ne!(key.derive("cursor"), key.derive("session"));
        // The expand step written out: T(1) = HMAC(PRK, info | 0x01), PRK = HMAC(zeros, key).
        let mac = |key: &[u8], data: &[u8]| {
            let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
            mac.update(data);
            mac.finalize().into_bytes()
        };
        let expected = mac(&mac(&[0; 32], &[1; 32]), b"cursor\x01");
        assert_eq!(key.derive("cursor").as_slice(), expected.as_slice());
    }

    #[test]
    fn makes_a_private_file_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/secret.key");
        let mut rng = StdRng::seed_from_u64(1);
        let first = MasterKey::load_or_create(&secrets(&path), &mut rng).unwrap();
        let second = MasterKey::load_or_create(&secrets(&path), &mut rng).unwrap();
        assert_eq!(first.derive("a"), second.derive("a"));
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(
                fs::metadata(&path).unwrap().permissions().mode() & 0o777,
                0o600
            );
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
            let error = MasterKey::load_or_create(&secrets(&path), &mut rng).unwrap_err();
            assert!(error.to_string().contains("chmod 600"), "{error}");
        }
    }

    #[test]
    fn the_second_of_two_first_starts_keeps_the_first_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret.key");
        create_private(&path, "first", 1).unwrap();
        create_private(&path, "second", 2).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "first\n");
    }

    #[test]
    fn names_the_source_of_a_bad_key_and_never_the_key() {
        for text in [
            "",
            "abc",
            &STANDARD.encode([1; 31]),
            &STANDARD.encode([1; 33]),
        ] {
            let error = MasterKey::parse(text, "secrets.master_key")
                .unwrap_err()
                .to_string();
            assert!(error.contains("secrets.master_key"), "{error}");
            assert!(text.is_empty() || !error.contains(text), "{error}");
        }
    }
}
