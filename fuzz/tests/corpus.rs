//! Every input that is kept, and as many made up ones, hold what the targets promise.

use std::fs;
use std::path::PathBuf;

use portcullis_fuzz::TARGETS;

fn corpus(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = files.map(|file| file.expect("a file").path()).collect();
    files.sort();
    let read = |path: PathBuf| {
        let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (path, bytes)
    };
    files.into_iter().map(read).collect()
}

#[test]
fn the_corpus_holds() {
    for (name, target) in TARGETS {
        let corpus = corpus(name);
        assert!(!corpus.is_empty(), "{name} has no corpus");
        for (path, input) in corpus {
            println!("{}", path.display());
            target(&input);
        }
    }
}

/// What is near the corpus, the same in every run.
#[test]
fn what_is_near_the_corpus_holds() {
    for (name, target) in TARGETS {
        let corpus: Vec<Vec<u8>> = corpus(name).into_iter().map(|(_, input)| input).collect();
        let mut random = fastrand::Rng::with_seed(7);
        for number in 0..2000 {
            let mut input = random.choice(&corpus).expect("not empty").clone();
            for _ in 0..random.usize(1..4) {
                change(&mut input, &corpus, &mut random);
            }
            println!("{name} {number}: {}", input.escape_ascii());
            target(&input);
        }
    }
}

fn change(input: &mut Vec<u8>, corpus: &[Vec<u8>], random: &mut fastrand::Rng) {
    let at = random.usize(..=input.len());
    match random.u8(..5) {
        0 => input.insert(at, random.u8(..)),
        1 => input.truncate(at),
        2 => drop(input.splice(at.., random.choice(corpus).expect("not empty").iter().skip(at).copied())),
        _ => {
            if let Some(byte) = input.get_mut(at) {
                *byte = random.u8(..);
            }
        }
    }
}
