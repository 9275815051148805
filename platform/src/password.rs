//! Passwords by argon2id with 19 MiB, two passes and one lane (OWASP's password storage cheat sheet).
//!
//! What a hash is worked out in goes back to the system with it. The allocator would keep it, for each
//! thread that ever hashed: glibc's does with what is below [`GIVEN_BACK`], once it has seen such a size
//! freed. So more is allocated than is used, of which the rest is never touched and takes no memory.

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};

const MEMORY_KIB: u32 = 19 * 1_024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Allocations above 32 MiB (`DEFAULT_MMAP_THRESHOLD_MAX`) are mappings of their own to glibc, whatever
/// it has seen; mallopt(3).
const GIVEN_BACK: usize = 33 << 20;

/// A password that cannot be hashed, or a stored hash that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a password's hash cannot be worked out: {0}")]
pub struct PasswordError(String);

fn failed(error: impl std::fmt::Display) -> PasswordError {
    PasswordError(error.to_string())
}

/// The PHC string of a password. Takes tens of milliseconds, and 19 MiB meanwhile.
///
/// # Errors
/// When the salt is no 8 to 48 bytes, or there is no memory.
pub fn password_hash(password: &[u8], salt: &[u8]) -> Result<String, PasswordError> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, Some(Params::DEFAULT_OUTPUT_LEN)).map_err(failed)?;
    let (algorithm, version, salt) = (Algorithm::Argon2id, Version::V0x13, Salt::new(salt).map_err(failed)?);
    let hash = PasswordHash {
        algorithm: algorithm.ident(),
        version: Some(version.into()),
        params: ParamsString::try_from(&params).map_err(failed)?,
        salt: Some(salt),
        hash: Some(output(&Argon2::new(algorithm, version, params), password, &salt, Params::DEFAULT_OUTPUT_LEN)?),
    };
    Ok(hash.to_string())
}

/// Whether a password is the one of a PHC string, by that string's own parameters.
///
/// # Errors
/// When the string is no hash of argon2, or there is no memory.
pub fn is_password(password: &[u8], stored: &str) -> Result<bool, PasswordError> {
    let stored = PasswordHash::new(stored).map_err(failed)?;
    let algorithm = Algorithm::try_from(stored.algorithm.as_str()).map_err(failed)?;
    let version = stored.version.map(Version::try_from).transpose().map_err(failed)?.unwrap_or_default();
    let params = Params::try_from(&stored).map_err(failed)?;
    let (Some(salt), Some(expected)) = (stored.salt, stored.hash) else { return Err(failed("it has no salt or no output")) };
    let found = output(&Argon2::new(algorithm, version, params), password, &salt, expected.len())?;
    // In constant time.
    Ok(found == expected)
}

fn output(argon2: &Argon2<'_>, password: &[u8], salt: &[u8], length: usize) -> Result<Output, PasswordError> {
    let blocks = argon2.params().block_count();
    let mut memory: Vec<Block> = Vec::new();
    memory.try_reserve_exact(blocks.max(GIVEN_BACK / Block::SIZE)).map_err(failed)?;
    memory.resize(blocks, Block::new());
    let mut bytes = [0; Output::MAX_LENGTH];
    let bytes = bytes.get_mut(..length).ok_or_else(|| failed("its output is too long"))?;
    argon2.hash_password_into_with_memory(password, salt, bytes, memory.as_mut_slice()).map_err(failed)?;
    Output::new(bytes).map_err(failed)
}

#[cfg(test)]
mod tests {
    use argon2::password_hash::PasswordHasher as _;

    use super::*;

    #[test]
    fn a_password_is_known_by_its_hash_and_no_other_is() {
        let stored = password_hash(b"open sesame", &[7; 16]).unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        let by_the_library: PasswordHash = Argon2::default().hash_password_with_salt(b"open sesame", &[7; 16]).unwrap();
        assert_eq!(stored, by_the_library.to_string());
        assert_eq!([is_password(b"open sesame", &stored), is_password(b"open sesam", &stored)], [Ok(true), Ok(false)]);
    }

    #[test]
    fn stored_hashes_are_read_by_their_own_parameters() {
        for (algorithm, version, length) in [(Algorithm::Argon2id, Version::V0x13, 16), (Algorithm::Argon2i, Version::V0x10, 64)] {
            let params = Params::new(64, 3, 2, Some(length)).unwrap();
            let stored: PasswordHash = Argon2::new(algorithm, version, params).hash_password_with_salt(b"old", &[1; 8]).unwrap();
            let stored = stored.to_string();
            assert_eq!([is_password(b"old", &stored), is_password(b"new", &stored)], [Ok(true), Ok(false)], "{stored}");
        }
        for stored in ["", "$argon2id$", "$argon2id$v=19$m=64,t=1,p=1$AQEBAQEBAQE", "$scrypt$v=1$m=64$AQEBAQEBAQE$AQEBAQEBAQEBAQEBAQEBAQ"] {
            assert!(is_password(b"old", stored).is_err(), "{stored}");
        }
    }
}
