//! What the path of a request names.

use domain::LinkAddress;

use crate::domains::Place;
use crate::ignored;
use crate::logged::Entrance;

/// What a path names at a place.
#[derive(Debug)]
pub(crate) enum Named {
    Link(LinkAddress),
    Entrance(Entrance),
    /// Where visitors say that their clicks are their own.
    OwnClicks,
    /// No link: a document, what is shown beside a link, or nothing.
    Other,
}

impl Named {
    pub fn of(place: &Place, path: &str) -> Self {
        if let (Place::Shared, Some(entrance)) = (place, Entrance::of(path)) {
            return Self::Entrance(entrance);
        }
        if path == ignored::PATH && matches!(place, Place::Shared | Place::Own(_)) {
            return Self::OwnClicks;
        }
        place.address(path).map_or(Self::Other, Self::Link)
    }
}
