# The checker: given the ledger, says of every acknowledged write whether it is there.

# Operations of each work in order: { sequence, state } with state ok, fail or open (no end noted).
sub ledger {
    my ($fh) = @_;
    my (%operations, $work, %last);
    while (my $line = <$fh>) {
        if ($line =~ /^H (\S+) (\w+) /) {
            ($run, $work) = ($1, $2);
            $operations{$work} = [];
        } elsif ($line =~ /^B (\d+) [\d.]+\n/ && $work) {
            push @{ $operations{$work} }, $last{$work} = { sequence => $1, state => 'open' };
        } elsif ($line =~ /^E (\d+) [\d.]+ (\w+).*\n/ && $work && $last{$work}{sequence} == $1) {
            $last{$work}{state} = $2 eq 'ok' ? 'ok' : 'fail';
        } elsif ($line !~ /^Z /) {
            chomp $line;
            die "expected a line of a ledger, got '$line'\n";
        }
    }
    return \%operations;
}

my (@lost, $folder);

sub lost { my ($file, $expected, $got) = @_; push @lost, "$file: expected $expected, got $got, in $folder" }

# What is there instead, in words.
sub instead {
    my ($got, $work) = @_;
    return 'nothing (' . error_name() . ')' unless defined $got;
    return 'nothing (end of file)' unless length $got;
    my ($its_run, $its_work, $sequence) = owner($got);
    return "$its_work $sequence" . ($its_run eq $run ? '' : " of run $its_run") if $its_run;
    my $size = length($got) == $bytes{$work} ? '' : sprintf '%d of %d bytes, ', length $got, $bytes{$work};
    return "${size}all zero" if $got !~ /[^\0]/;
    my ($first) = substr($got, 0, 60) =~ /^([ -~]*)/;
    $first =~ s/\s+$//;
    return "${size}not whole, beginning '$first'";
}

# One place that is written again and again: the last acknowledged, or one begun since.
sub place {
    my ($file, $work, $got, $operations, $torn_may_be) = @_;
    my ($last, @since) = (0);
    for (@$operations) {
        if ($_->{state} eq 'ok') { $last = $_->{sequence}; @since = () }
        else { push @since, $_->{sequence} }
    }
    my @may = map { content($work, $_) } $last, @since;
    return if defined $got && grep { $got eq $_ } @may;
    # A write in place that nobody acknowledged may be half there; no third thing may.
    return if @since && $torn_may_be && mixed($got, @may);
    my $or = @since ? ' or, begun since, ' . join(' or ', @since) : '';
    lost($file, "$work $last$or", instead($got, $work));
}

sub mixed {
    my ($got, @may) = @_;
    return 0 unless defined $got && length $got == length $may[0];
    for (my $at = 0; $at < length $got; $at += 128) {
        my $line = substr $got, $at, 128;
        return 0 unless grep { substr($_, $at, 128) eq $line } @may;
    }
    return 1;
}

sub part {
    my ($all, $from, $size) = @_;
    return $all unless defined $all;
    return $from < length $all ? substr $all, $from, $size : '';
}

# A file of $count places that are written in turn.
sub places {
    my ($file, $work, $count, $operations) = @_;
    my $all = slurp("$folder/$file");
    for my $slot (0 .. $count - 1) {
        my $from = $slot * $bytes{$work};
        my $got = part($all, $from, $bytes{$work});
        my $title = $count == 1 ? $file : "$file at byte $from";
        place($title, $work, $got, [grep { $_->{sequence} % $count == $slot } @$operations], 1);
    }
}

# Every acknowledged record in order from the start, and behind them at most what was begun since.
sub records {
    my ($operations) = @_;
    my $all = slurp("$folder/append");
    my $size = $bytes{append};
    my ($at, $last, %begun) = (0, 0);
    for (@$operations) {
        $begun{ $_->{sequence} } = 1;
        next unless $_->{state} eq 'ok';
        $last = $_->{sequence};
        my $record = content('append', $last);
        my $got = part($all, $at, $size);
        if (defined $got && $got eq $record) { $at += $size; next }
        lost("append at byte $at", "append $last", instead($got, 'append'));
        # A later record here means that this one is missing: the next is looked for at the same byte.
        my (undef, undef, $there) = defined $got ? owner($got) : ();
        next if defined $there && $there > $last;
        # Whatever else is here stands for it, or was put in front of it.
        $at += $size;
        $at += $size if (part($all, $at, $size) // '') eq $record;
    }
    my $rest = defined $all && length $all > $at ? length($all) - $at : 0;
    return unless $rest;
    my (undef, $work, $sequence) = owner(substr $all, $at, $size);
    my $ours = !$work || $work eq 'append' && $begun{$sequence} && $sequence > $last;
    lost("append at byte $at", "the end or a record begun after append $last",
        $rest > $size ? "$rest more bytes" : "$work $sequence") if $rest > $size || !$ours;
}

sub check {
    my %o = options(\@_, qw(folder drop));
    $folder = $o{folder};
    my $ledger = ledger(\*main::DATA);
    if ($o{drop}) {
        # Clean pages alone: a sync first would write what an fsync should have written.
        my $file = '/proc/sys/vm/drop_caches';
        my $fh;
        sysopen($fh, $file, O_WRONLY) && syswrite($fh, "3\n")
            or die "expected to drop caches through $file, got ", error_name(), "\n";
    }
    my $of = sub { $ledger->{ $_[0] } // [] };
    for (grep { $_->{state} eq 'ok' } @{ $of->('create') }) {
        place("create-$_->{sequence}", 'create', slurp("$folder/create-$_->{sequence}"), [$_], 0);
    }
    records($of->('append')) if $ledger->{append};
    places('overwrite', 'overwrite', $slots, $of->('overwrite')) if $ledger->{overwrite};
    for my $name (0 .. $names - 1) {
        my @its = grep { $_->{sequence} % $names == $name } @{ $of->('rename') };
        place("rename-$name", 'rename', slurp("$folder/rename-$name"), \@its, 0) if $ledger->{rename};
        place("read-$name", 'read', slurp("$folder/read-$name"), [], 0) if $ledger->{read};
    }
    places($_, $_, 1, $of->($_)) for grep { $ledger->{$_} } 'lock', 'held';
    my $checked = grep { $_->{state} eq 'ok' } map { @{ $ledger->{$_} } } grep { $_ ne 'read' } keys %$ledger;
    print '{"checked":', $checked, ',"lost":[', join(',', map { json($_) } @lost), "]}\n";
}
