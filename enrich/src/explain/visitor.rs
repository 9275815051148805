//! Whose click it was as far as that may be told, and why nobody's where it is nobody's.

use domain::{Click, ConsentMode, Privacy, SignalSet};

use super::Step;
use crate::RECIPE_CONSENTED;

/// What a click is to its visitor's day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Firsts {
    pub of_link: bool,
    pub of_workspace: bool,
    /// Whether its visitor was told from others when it was stored.
    pub told: bool,
}

/// `privacy` is what the workspace decides today; what it did when the click came is not stored.
pub fn explain_visitor(click: &Click, firsts: Firsts, privacy: &Privacy) -> Vec<Step> {
    if !firsts.told {
        return vec![why_nobody(click, privacy)];
    }
    let by = match &click.visitor {
        Some(visitor) if visitor.recipe == RECIPE_CONSENTED => {
            Step::new("VISITOR_CONSENTED", "The visitor is known by an id that they consented to.")
        }
        Some(_) => Step::new("VISITOR_OF_DAY", "The visitor is told from others within that day, by a key that nobody can make again."),
        None => Step::new("VISITOR_ID_REMOVED", "The visitor was told from others; the id is no longer kept."),
    };
    let first = match (firsts.of_link, firsts.of_workspace) {
        (true, true) => Step::new(
            "FIRST_OF_DAY",
            "It is the visitor's first counted click of the day, on this link and in the workspace: daily uniques count it.",
        ),
        (true, false) => Step::new(
            "FIRST_OF_LINK",
            "It is the visitor's first counted click of the day on this link, not in the workspace: only the link's daily uniques count it.",
        ),
        (false, true) => Step::new(
            "FIRST_OF_WORKSPACE",
            "It is the visitor's first counted click of the day in the workspace; daily uniques count it there.",
        ),
        (false, false) => {
            Step::new("NOT_FIRST", "The visitor's first click of the day is another one, or this one was not counted: no daily unique.")
        }
    };
    vec![by, first]
}

fn why_nobody(click: &Click, privacy: &Privacy) -> Step {
    let objects = click.signals.has(SignalSet::GPC) || privacy.respect_dnt && click.signals.has(SignalSet::DNT);
    if objects {
        return Step::new(
            "VISITOR_OBJECTS",
            "Whose click it is is not told: the visitor's browser objects, so the click is counted without.",
        );
    }
    if privacy.consent == ConsentMode::Required {
        return Step::new(
            "VISITOR_NO_CONSENT",
            "Whose click it is is not told: visitors of this workspace are asked first, and this one has not consented.",
        );
    }
    Step::new(
        "VISITOR_UNKNOWN",
        "Whose click it is is not known: it came after the salt of its day was destroyed (48 hours), had no address, or came under other privacy settings.",
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::Enricher;
    use crate::tests::captured;

    #[test]
    fn it_is_said_why_a_click_is_nobodys() {
        let mut click = Enricher::new(Arc::default()).enrich(&captured(), &Privacy::default());
        let code = |click: &Click, privacy: &Privacy| explain_visitor(click, Firsts::default(), privacy).remove(0).code;
        assert_eq!(code(&click, &Privacy::default()), "VISITOR_UNKNOWN");
        let asks = Privacy { consent: ConsentMode::Required, ..Privacy::default() };
        assert_eq!(code(&click, &asks), "VISITOR_NO_CONSENT");
        click.signals = SignalSet::DNT;
        let respects = Privacy { respect_dnt: true, ..Privacy::default() };
        assert_eq!((code(&click, &respects), code(&click, &Privacy::default())), ("VISITOR_OBJECTS".into(), "VISITOR_UNKNOWN".into()));
    }
}
