//! State files that were saved, cut short, changed or put in the way.

use super::*;

fn node() -> SavedNode {
    let contact = |n: u8, addr: &str| SavedContact {
        contact: Contact::new(Id::new([n; 20]), addr.parse().unwrap()),
        rtt: (n == 1).then(|| Duration::from_micros(1234)),
        idle: Duration::from_secs(60),
    };
    let v4 = vec![contact(1, "1.2.3.4:5"), contact(2, "1.2.3.5:5")];
    let table = |contacts| SavedTable {
        contacts,
        private: vec![1, 2],
    };
    SavedNode {
        overlays: vec![
            (Family::V4, Id::new([7; 20]), table(v4)),
            (
                Family::V6,
                Id::new([8; 20]),
                table(vec![contact(3, "[2a00::1]:5")]),
            ),
        ],
    }
}

fn temporary_dir(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("mdht-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&dir);
    dir
}

#[test]
fn what_was_saved_comes_back_older() {
    let dir = temporary_dir("state");
    let state = StateDir::open(&dir).unwrap();
    let at = Duration::from_secs;
    assert!(state.load(at(0)).unwrap().is_none());
    state.save(&node(), at(1000)).unwrap();
    let mut expected = node();
    for saved in expected
        .overlays
        .iter_mut()
        .flat_map(|(_, _, table)| &mut table.contacts)
    {
        saved.idle += at(500);
    }
    assert_eq!(state.load(at(1500)).unwrap(), Some(expected));
    assert_eq!(
        state.load(at(0)).unwrap(),
        Some(node()),
        "a clock that went back"
    );
    fs::remove_dir_all(&dir).unwrap();
}

/// Names the folder for the process that saves without end.
const SAVES_TO: &str = "MDHT_TEST_SAVES_TO";

/// Not a test by itself: what the next one starts and kills.
#[test]
fn saves_without_end() {
    let Some(dir) = std::env::var_os(SAVES_TO) else {
        return;
    };
    let state = StateDir::open(Path::new(&dir)).unwrap();
    for number in 1..100_000 {
        // as large as a table is, so that the write takes its time
        state.save(&numbered(number), Duration::ZERO).unwrap();
        println!("saved {number}");
    }
}

/// A node whose every contact carries this number.
fn numbered(number: u64) -> SavedNode {
    let contact = |port: u16| SavedContact {
        contact: Contact::new(Id::new([9; 20]), ([8, 8, 8, 8], port).into()),
        rtt: Some(Duration::from_micros(number)),
        idle: Duration::from_secs(number),
    };
    let table = SavedTable {
        contacts: (1..=300).map(contact).collect(),
        private: Vec::new(),
    };
    SavedNode {
        overlays: vec![(Family::V4, Id::new([7; 20]), table)],
    }
}

#[test]
fn killed_in_the_middle_of_any_save_at_most_that_one_is_lost() {
    const KILLS: u64 = 40;
    let dir = temporary_dir("killed");
    let state = StateDir::open(&dir).unwrap();
    let mut rng = mdht_krpc::Rng::from_u64(1);
    for kill in 0..KILLS {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "driver::state::tests::saves_without_end"])
            .args(["--nocapture", "--test-threads=1"])
            .env(SAVES_TO, &dir)
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = io::BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        // the first save is told, so that there is one to lose
        while !line.contains("saved") {
            line.clear();
            assert!(io::BufRead::read_line(&mut out, &mut line).unwrap() > 0);
        }
        std::thread::sleep(Duration::from_micros(rng.next_u64() % 20_000));
        child.kill().unwrap();
        child.wait().unwrap();
        let mut rest = String::new();
        io::Read::read_to_string(&mut out, &mut rest).unwrap();
        let told = format!("{line}{rest}");
        // the last line may be cut
        let whole = told.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let mut numbers = whole.lines().filter_map(|line| line.split("saved ").nth(1));
        let last: u64 = numbers.next_back().unwrap().trim().parse().unwrap();
        let loaded = state.load(Duration::ZERO).unwrap().unwrap();
        let (.., table) = &loaded.overlays[0];
        let number = table.contacts[0].idle.as_secs();
        assert!(
            number == last || number == last + 1,
            "kill {kill}: {number} after {last}"
        );
        assert_eq!(loaded, numbered(number), "kill {kill}: a mixture");
    }
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn whatever_is_in_the_files_place_is_told_and_waited_for_by_nobody() {
    let dir = temporary_dir("foreign");
    let state = StateDir::open(&dir).unwrap();
    let load = || state.load(Duration::ZERO);
    let huge = || {
        let file = File::create(state.file()).unwrap();
        file.set_len(MOST_BYTES + 1).unwrap();
    };
    huge();
    assert!(matches!(load(), Err(StateError::Unusable { .. })));
    fs::remove_file(state.file()).unwrap();
    fs::create_dir(state.file()).unwrap();
    assert!(matches!(load(), Err(StateError::Unusable { .. })));
    // it cannot be replaced, which is told; nothing is left behind
    assert!(state.save(&node(), Duration::ZERO).is_err());
    assert!(!state.file().with_extension(TEMPORARY).exists());
    fs::remove_dir(state.file()).unwrap();
    // a pipe that nobody writes to
    #[cfg(unix)]
    {
        let made = std::process::Command::new("mkfifo")
            .arg(state.file())
            .status();
        assert!(made.unwrap().success());
        assert!(matches!(load(), Err(StateError::Unusable { .. })));
        fs::remove_file(state.file()).unwrap();
    }
    // any bytes at all under a header that fits them
    let mut rng = mdht_krpc::Rng::from_u64(2);
    for _ in 0..2000 {
        let mut json = vec![0; rng.below(200)];
        rng.fill(&mut json);
        let header = format!("mdht-state {VERSION} {}\n", checksum(&json));
        fs::write(state.file(), [header.as_bytes(), &json].concat()).unwrap();
        assert!(matches!(load(), Err(StateError::Unusable { .. })));
    }
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn any_damage_is_found() {
    let whole = write(&node(), Duration::from_secs(1));
    assert!(read(&whole).is_ok());
    for len in 0..whole.len() {
        assert!(read(&whole[..len]).is_err(), "cut at {len}");
    }
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        for bit in 0..8 {
            damaged[at] ^= 1 << bit;
            assert!(read(&damaged).is_err(), "changed at {at}, bit {bit}");
            damaged[at] ^= 1 << bit;
        }
    }
    assert!(read(b"mdht-state 2 0\n{}").is_err());
}
