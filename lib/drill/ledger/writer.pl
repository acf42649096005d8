# The writers: one process for each work, none of them forks again. An ack file is the ledger of one
# work, on a local disk: H(ead), B(egan), E(nded) and Z (the writer ended) lines with their times.
# It is not synced: the client itself is not what a drill breaks.

sub holds_ack { sysopen my $fh, $_[0], O_RDWR or return 0; return !flock $fh, LOCK_EX | LOCK_NB }

sub writer {
    my ($work, $folder, $acks, $pause, $most) = @_;
    $0 = "tandem-ledger $work";
    sysopen my $ack, "$acks/$work.ack", O_RDWR | O_CREAT | O_EXCL | O_APPEND, 0644
        or die "expected a new $acks/$work.ack, got ", error_name(), "\n";
    # Held as long as this process lives, so that nobody signals another one with its number.
    flock $ack, LOCK_EX or die "expected to lock $acks/$work.ack, got ", error_name(), "\n";
    my $put = sub {
        my $line = "$_[0]\n";
        (syswrite($ack, $line) // 0) == length $line
            or die "expected to note '$_[0]' in $acks/$work.ack, got ", error_name(), "\n";
    };
    my $until = clock_us(1) + $most * 1_000_000;
    my $told = sub {
        # Whoever started us may be gone; to write for ever would fill what we are to test.
        die "expected to be told to stop within $most s, got nothing\n" if clock_us(1) > $until;
        # Not a signal: NFS 3 answers a lock that waits with EINTR then, which nobody else would see.
        return -e "$acks/stop";
    };
    $put->("H $run $work $pause " . now());
    my $operation = $operation{$work}->($folder);
    for (my $sequence = 1; ; $sequence++) {
        $put->("B $sequence " . now());
        my $note;
        my $ended = eval { $note = $operation->($sequence); 1 } ? 'ok' : undef;
        $ended .= " $note" if $ended && ($note // '') eq 'replayed';
        my $at = now();
        die $@ unless $ended || ref $@;
        $put->("E $sequence $at " . ($ended // "$@->{error} $@->{step}"));
        if ($work eq 'held') {
            last if $sequence == 2;
            pause(0.1) until $told->();
        } else {
            last if $told->();
            pause($pause);
            last if $told->();
        }
    }
    $put->('Z ' . now());
}

sub launch {
    my ($work, $folder, $acks, $pause, $most) = @_;
    defined(my $pid = fork) or die "expected a process for $work, got ", error_name(), "\n";
    return $pid if $pid;
    POSIX::setsid();
    close main::DATA;
    open STDIN, '<', '/dev/null';
    open STDOUT, '>>', "$acks/log";
    open STDERR, '>>', "$acks/log";
    # After the standard output is gone nothing of the connection that started us is left.
    my $fine = eval { writer($work, $folder, $acks, $pause, $most); 1 };
    print STDERR "$work: ", ref $@ ? "$@->{error} $@->{step}" : $@ unless $fine;
    POSIX::_exit($fine ? 0 : 1);
}

# Makes the files, starts the writers, and returns when each has ended its first operation.
sub start {
    my %o = options(\@_, qw(run folder acks pause ready most works));
    $run = $o{run};
    make_folder($o{acks});
    -e $o{folder} and die "expected $o{folder} to be new, got one that is there\n";
    my $made = eval { make_folder($o{folder}); prepare($o{folder}); 1 };
    die ref $@ ? "expected to prepare $o{folder}, got $@->{error} at $@->{step}\n" : $@ unless $made;
    my @works = split /,/, $o{works};
    sysopen my $pids, "$o{acks}/pids", O_WRONLY | O_CREAT | O_EXCL, 0644
        or die "expected a new $o{acks}/pids, got ", error_name(), "\n";
    for my $work (@works) {
        my $pid = launch($work, @o{qw(folder acks pause most)});
        syswrite $pids, "$work $pid\n";
    }
    my $until = clock_us(1) + $o{ready} * 1_000_000;
    my @late;
    while (@late = grep { (slurp("$o{acks}/$_.ack") // '') !~ /^E 1 /m } @works) {
        next if clock_us(1) < $until && pause(0.05) >= 0;
        my @told = (end_of($o{acks}, 1), slurp("$o{acks}/log") // '');
        die "expected a first operation within $o{ready} s, got none of @late; their log: $told[-1]\n";
    }
    print "{}\n";
}

sub make_folder {
    my ($path) = @_;
    my $so_far = '';
    for my $part (grep { length } split m{/}, $path) {
        $so_far .= "/$part";
        mkdir $so_far or $!{EEXIST} or die "expected the directory $so_far, got ", error_name(), "\n";
    }
}

# Tells the writers to stop, waits, kills those that do not end; what a kill does not end still waits.
sub end_of {
    my ($acks, $limit) = @_;
    my %pid = map { split } split /\n/, slurp("$acks/pids") // die "expected $acks/pids, got ", error_name(), "\n";
    sysopen my $fh, "$acks/stop", O_WRONLY | O_CREAT or die "expected to make $acks/stop, got ", error_name(), "\n";
    my $alive = sub { return grep { holds_ack("$acks/$_.ack") } sort keys %pid };
    my $await = sub {
        my $until = clock_us(1) + $_[0] * 1_000_000;
        pause(0.05) while $alive->() && clock_us(1) < $until;
        return $alive->();
    };
    my @killed = $await->($limit);
    kill KILL => $pid{$_} for @killed;
    my @left = @killed ? $await->(5) : ();
    return { killed => \@killed, left => \@left };
}

sub stop {
    my %o = options(\@_, qw(acks limit));
    my $end = end_of($o{acks}, $o{limit});
    my @lists = map { my $name = $_; "\"$name\":[" . join(',', map { json($_) } @{ $end->{$name} }) . ']' } qw(killed left);
    print '{', join(',', @lists), "}\n";
}

# Asked on the node that serves: whether the server itself, not only the client, knows of the lock.
sub held {
    my %o = options(\@_, qw(folder));
    my $fh = eval { kept_open("$o{folder}/held") } or die "expected $o{folder}/held, got $@->{error}\n";
    my $type = lock_with($fh, F_GETLK, F_WRLCK) // die "expected to ask for the lock of $o{folder}/held, got ", error_name(), "\n";
    print $type == F_UNLCK ? "{\"held\":false}\n" : "{\"held\":true}\n";
}
