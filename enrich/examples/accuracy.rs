//! Prints how well user agents are read and machines told from people, by the lists that
//! `scripts/corpora` fetches: `cargo run -p enrich --example accuracy -- FOLDER`. With the name of a list
//! after it, what of that list is taken for something else.

#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]

use std::path::Path;

#[path = "../tests/accuracy/measure.rs"]
mod measure;

use measure::{families, not_people};

/// Lists that the rules were made with, and lists that only measure them.
const LISTS: [(&str, &str); 11] = [
    ("crawlers-crawlerdetect.txt", "held out"),
    ("browsers-crawlerdetect-2.txt", "held out"),
    ("browsers-user-agents.txt", "held out"),
    ("families-fake-useragent.tsv", "held out"),
    ("crawlers-crawler-user-agents.txt", "made with"),
    ("browsers-crawlerdetect-1.txt", "made with"),
    ("crawlers-uap-core.txt", "made with"),
    ("crawlers-woothee.txt", "made with"),
    ("browsers-top-user-agents.txt", "made with"),
    ("browsers-ua-parser-js.txt", "made with"),
    ("families-uap-core.tsv", "made with"),
];

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().unwrap_or_else(|| ".tools/corpora/1".to_owned());
    let wanted = arguments.next();
    for (name, use_) in LISTS {
        let list = std::fs::read_to_string(Path::new(&folder).join(name))?;
        let is_wanted = wanted.as_deref() == Some(name);
        if name.starts_with("families") {
            let told = families(&list, |expected, found, agent| {
                if is_wanted {
                    println!("{expected} ▸ {found}: {agent}");
                }
            });
            println!(
                "{name:<34} {use_:<9} browser {:.1} % of {}, system {:.1} % of {}, device {:.1} % of {}; not compared {}",
                told.browser.percent(),
                told.browser.of,
                told.system.percent(),
                told.system.of,
                told.device.percent(),
                told.device.of,
                told.skipped
            );
            continue;
        }
        let is_of_crawlers = name.starts_with("crawlers");
        let share = not_people(&list, |agent, is_machine| {
            if is_wanted && is_machine != is_of_crawlers {
                println!("{agent}");
            }
        });
        let word = if is_of_crawlers { "caught" } else { "accused" };
        println!("{name:<34} {use_:<9} {word} {:.2} % of {}", share.percent(), share.of);
    }
    Ok(())
}
