//! Whose clicks they are: one large workspace with 2,000 links and 20 small ones.

use domain::{LinkId, Millis, NewLink, RuleId, Shard, WorkspaceId};
use platform::Rng;
use store::{Access, Store, Workspace};

use super::dice::{Dice, Skew};
use super::fixture::{account, new_link};

/// 2026-03-01T12:07:31Z: no edge of anything.
pub const NOW: Millis = Millis(1_772_366_851_000);
pub const DAY: i64 = 24 * 3_600_000;
const LINKS: usize = 2_000;
const SMALL: usize = 20;
const LINKS_OF_SMALL: usize = 10;

#[derive(Clone, Debug)]
pub struct Tenant {
    pub id: WorkspaceId,
    pub links: Vec<LinkId>,
    pub slugs: Vec<String>,
    pub skew: Skew,
}

/// The first tenant is the large one.
#[derive(Clone, Debug)]
pub struct World {
    pub tenants: Vec<Tenant>,
    pub skew: Skew,
}

impl Default for World {
    fn default() -> Self {
        let mut dice = Dice::new(1);
        let mut tenant = |index: usize, links: usize| Tenant {
            id: WorkspaceId::new(NOW.plus(-400 * DAY), dice.entropy()),
            links: (0..links).map(|_| LinkId::new(NOW.plus(-300 * DAY), dice.entropy())).collect(),
            slugs: (0..links).map(|link| format!("w{index}-{link:04}")).collect(),
            // The first link has about 18 in 100 of the clicks.
            skew: Skew::zipf(links, 1.1),
        };
        let tenants: Vec<Tenant> =
            std::iter::once(tenant(0, LINKS)).chain((1..=SMALL).map(|index| tenant(index, LINKS_OF_SMALL))).collect();
        let skew = Skew::of(std::iter::once(0.95).chain([0.05 / SMALL as f64; SMALL]));
        Self { tenants, skew }
    }
}

impl World {
    pub fn large(&self) -> &Tenant {
        &self.tenants[0]
    }

    /// Those whose clicks come in the same batches as the large one's.
    pub fn of_one_shard(mut self) -> Self {
        let shard = Shard::of(self.large().id);
        self.tenants.retain(|tenant| Shard::of(tenant.id) == shard);
        let small = self.tenants.len() - 1;
        self.skew = Skew::of(std::iter::once(0.95).chain((0..small).map(|_| 0.05 / SMALL as f64)));
        self
    }

    /// Makes the workspaces and links, and the months that clicks go to.
    pub async fn settle(&self, store: &Store) {
        store::migrate(store, NOW).await.unwrap();
        store.ensure_partitions(NOW.plus(-75 * DAY)).await.unwrap();
        let rng = Rng::seeded(1);
        for tenant in &self.tenants {
            let name = &tenant.slugs[0];
            let mut new = account(name, &rng);
            new.session.workspace = tenant.id;
            let created_at = NOW.plus(-400 * DAY);
            new.workspace = Workspace { id: tenant.id, name: name.clone(), slug: name.clone(), time_zone: "UTC".into(), created_at };
            store.sign_up(new).await.unwrap();
            let scope = store.workspace(tenant.id, Access::Write).await.unwrap();
            for (id, slug) in tenant.links.iter().zip(&tenant.slugs) {
                scope.create_link(&NewLink { id: *id, ..new_link(slug) }, NOW).await.unwrap();
            }
            scope.commit().await.unwrap();
        }
    }
}

/// The rule of a link that tries two variants, which one in forty does.
pub fn experiment(link: usize) -> Option<RuleId> {
    (link % 40 == 3).then(|| RuleId::new(NOW.plus(-200 * DAY), [link as u8; 10]))
}
