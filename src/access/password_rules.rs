//! Which passwords may be chosen: length and not guessable at the first try (NIST SP 800-63B-4, section 3.1.1.2).
//!
//! No rules about kinds of characters, which the same section advises against. Instead of a list of millions of leaked
//! passwords, what makes up the top of every such list is refused by its pattern: one character or a short piece
//! repeated, neighbours in the alphabet or on the keyboard, a well-known word with decoration, the user's own name.

use thiserror::Error;
use unicode_normalization::UnicodeNormalization;

/// Fewest characters.
pub const MIN_CHARS: usize = 12;
/// Most bytes, as typed: more is an attack on the hash, not a password.
pub const MAX_BYTES: usize = 512;
/// Characters that must be left when what everybody guesses is taken out.
const MIN_REST: usize = 6;
/// Shortest name or word that is looked for inside a password.
const MIN_WORD: usize = 3;

/// Words that begin every list of guesses; digits, signs and look-alikes around them do not help.
const WELL_KNOWN: [&str; 18] = [
    "password",
    "passwort",
    "letmein",
    "welcome",
    "iloveyou",
    "administrator",
    "admin",
    "changeme",
    "football",
    "baseball",
    "monkey",
    "dragon",
    "sunshine",
    "princess",
    "superman",
    "batman",
    "trustno",
    "secret",
];

/// Rows that fingers run along, in both directions.
const ROWS: [&str; 9] = [
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "qwertzuiop",
    "yxcvbnm",
    "azertyuiop",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
];

/// Why a password may not be chosen; each text says what to do.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum PasswordRuleError {
    /// Fewer than [`MIN_CHARS`] characters.
    #[error("use at least {MIN_CHARS} characters; four words in a row are easy to remember")]
    TooShort,
    /// More than [`MAX_BYTES`] bytes.
    #[error("use at most {MAX_BYTES} bytes")]
    TooLong,
    /// A short piece again and again.
    #[error("do not repeat one piece over and over")]
    Repeated,
    /// Little is left beside runs like `abcdef`, `qwerty`, `987654`.
    #[error("do not use runs of the alphabet, the digits or the keyboard")]
    Sequence,
    /// Little is left beside a word everybody guesses.
    #[error("this is one of the first passwords an attacker tries")]
    Common,
    /// Little is left beside the person's address or name or the account's name.
    #[error("do not build the password from your name, address or company")]
    Personal,
}

/// Checks a password somebody wants to have. `names` are what an attacker knows of the person: e-mail address, first and
/// last name, name of the account.
pub fn check_rules(password: &str, names: &[&str]) -> Result<(), PasswordRuleError> {
    if password.len() > MAX_BYTES {
        return Err(PasswordRuleError::TooLong);
    }
    if password.nfkc().count() < MIN_CHARS {
        return Err(PasswordRuleError::TooShort);
    }
    let text: Vec<char> = password.nfkc().flat_map(char::to_lowercase).collect();
    if is_repeated(&text) {
        return Err(PasswordRuleError::Repeated);
    }
    if rest_without_runs(&text) < MIN_REST {
        return Err(PasswordRuleError::Sequence);
    }
    let plain = without_decoration(&text);
    let lower: String = text.iter().collect();
    if WELL_KNOWN.iter().any(|word| leaves_little(&plain, word)) {
        return Err(PasswordRuleError::Common);
    }
    let personal = names.iter().flat_map(|name| words_of(name));
    for word in personal {
        if leaves_little(&plain, &word) || leaves_little(&lower, &word) {
            return Err(PasswordRuleError::Personal);
        }
    }
    Ok(())
}

/// Whether the whole text is a piece of at most four characters again and again, the last one perhaps cut.
fn is_repeated(text: &[char]) -> bool {
    (1..=4).any(|period| {
        text.iter()
            .zip(text.iter().skip(period))
            .all(|(one, next)| one == next)
    })
}

/// How many characters are left when each run of four or more along a row is counted as one.
fn rest_without_runs(text: &[char]) -> usize {
    let mut rest = 0;
    let mut at = 0;
    while let Some(tail) = text.get(at..).filter(|tail| !tail.is_empty()) {
        let run = ROWS
            .iter()
            .map(|row| run_length(tail, row))
            .max()
            .unwrap_or(1);
        at += if run >= 4 { run } else { 1 };
        rest += 1;
    }
    rest
}

/// How many characters at the head of `text` follow one another in `row`, forwards, backwards or standing still.
fn run_length(text: &[char], row: &str) -> usize {
    let along = |step: isize| {
        let pairs = text.iter().zip(text.iter().skip(1));
        1 + pairs
            .take_while(|(one, next)| neighbours(row, **one, **next, step))
            .count()
    };
    along(1).max(along(-1)).max(along(0))
}

fn neighbours(row: &str, one: char, next: char, step: isize) -> bool {
    if step == 0 {
        return one == next;
    }
    let (first, second) = if step > 0 { (one, next) } else { (next, one) };
    row.chars()
        .zip(row.chars().skip(1))
        .any(|pair| pair == (first, second))
}

/// Letters only, with the usual look-alikes turned back: `P@ssw0rd!2024` is `password`.
fn without_decoration(text: &[char]) -> String {
    let alike = |c: &char| match c {
        '@' | '4' => 'a',
        '3' => 'e',
        '1' | '!' => 'i',
        '0' => 'o',
        '$' | '5' => 's',
        '7' => 't',
        other => *other,
    };
    let head = text.iter().position(|c| c.is_alphabetic()).unwrap_or(0);
    let tail = text
        .iter()
        .rposition(|c| c.is_alphabetic())
        .map_or(0, |last| last + 1);
    text.get(head..tail)
        .unwrap_or_default()
        .iter()
        .map(alike)
        .filter(|c| c.is_alphabetic())
        .collect()
}

/// Whether `text` contains `word` and has fewer than [`MIN_REST`] other letters or digits.
fn leaves_little(text: &str, word: &str) -> bool {
    text.contains(word)
        && text
            .replace(word, "")
            .chars()
            .filter(|c| c.is_alphanumeric())
            .count()
            < MIN_REST
}

/// The words of a name or address: `ada.byron@example.com` gives the local part whole and split, and `example`.
fn words_of(name: &str) -> Vec<String> {
    let lower: String = name.nfkc().flat_map(char::to_lowercase).collect();
    let joined = |text: &str| {
        text.chars()
            .filter(|c| c.is_alphanumeric())
            .collect::<String>()
    };
    let mut words: Vec<String> = lower
        .split(|c: char| !c.is_alphanumeric())
        .map(str::to_owned)
        .collect();
    words.extend(lower.split('@').map(joined));
    words.push(lower.split('@').next().unwrap_or_default().to_owned());
    words.retain(|word| word.chars().count() >= MIN_WORD);
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NAMES: [&str; 3] = ["ada.byron@example.com", "Ada Byron", "Analytical Engines"];

    #[test]
    fn lengths_count_characters_below_and_bytes_above() {
        assert_eq!(
            check_rules("kaefp3$zqLw", &[]),
            Err(PasswordRuleError::TooShort)
        );
        assert_eq!(check_rules("kaefp3$zqLwö", &[]), Ok(()));
        let long = |bytes: usize| {
            "correct horse "
                .chars()
                .cycle()
                .take(bytes)
                .collect::<String>()
        };
        assert_eq!(check_rules(&long(512), &[]), Ok(()));
        assert_eq!(
            check_rules(&long(513), &[]),
            Err(PasswordRuleError::TooLong)
        );
    }

    #[test]
    fn what_everybody_guesses_is_refused_by_pattern() {
        use PasswordRuleError::{Common, Personal, Repeated, Sequence};
        for (password, error) in [
            ("aaaaaaaaaaaa", Repeated),
            ("abcabcabcabcab", Repeated),
            ("123412341234", Repeated),
            ("123456789012", Sequence),
            ("abcdefghijkl", Sequence),
            ("qwertyuiop123", Sequence),
            ("0987654321poiuytrewq", Sequence),
            ("1qaz2wsx3edc", Sequence),
            ("password1234", Common),
            ("P@ssw0rd!2024", Common),
            ("Passwort!!!2025", Common),
            ("!!letmein2026", Common),
            ("WelcomeWelcome", Common),
            ("ada.byron2026", Personal),
            ("adabyron-1815", Personal),
            ("Analytical123!", Personal),
            ("example.com99", Personal),
        ] {
            assert_eq!(check_rules(password, &NAMES), Err(error), "{password}");
        }
    }

    #[test]
    fn good_ones_pass_even_with_a_common_word_inside() {
        for password in [
            "correct horse battery staple",
            "my password is a long sentence",
            "Ada liebt Rechenmaschinen",
            "x7$Kp!m2Qz@9Lw",
            "пароль из четырёх слов",
            "四つの言葉のとても長い合言葉",
        ] {
            assert_eq!(check_rules(password, &NAMES), Ok(()), "{password}");
        }
    }

    #[test]
    fn two_letter_names_do_not_forbid_everything() {
        assert_eq!(
            check_rules("voodoo kraken lamp", &["vo@x.io", "Bo"]),
            Ok(())
        );
    }

    proptest! {
        #[test]
        fn any_text_is_answered(password in "\\PC{0,80}", name in "\\PC{0,30}") {
            let _ = check_rules(&password, &[&name]);
        }
    }
}
