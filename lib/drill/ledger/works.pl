# What each writer does once; a failed step dies with its name and the system's word for why.

sub give_up { die { error => $_[1] // error_name(), step => $_[0] } }

sub write_at {
    my ($fh, $at, $data) = @_;
    sysseek $fh, $at, SEEK_SET or give_up('seek');
    my $done = 0;
    while ($done < length $data) {
        my $n = syswrite $fh, $data, length($data) - $done, $done;
        give_up('write') unless $n;
        $done += $n;
    }
}

sub to_disk { $_[0]->sync or give_up('fsync') }

sub new_file {
    my ($file, $data) = @_;
    sysopen my $fh, $file, O_WRONLY | O_CREAT | O_EXCL, 0644 or give_up('open');
    write_at($fh, 0, $data);
    to_disk($fh);
    close $fh or give_up('close');
}

sub folder_to_disk {
    sysopen my $fh, $_[0], O_RDONLY | O_DIRECTORY or give_up('open of the directory');
    to_disk($fh);
}

sub kept_open {
    sysopen my $fh, $_[0], O_RDWR or give_up('open');
    return $fh;
}

# struct flock of 64-bit systems. POSIX locks, because they are what NFS gives to the server.
sub lock_with {
    my ($fh, $command, $type) = @_;
    my $lock = pack 's s x![q] q q l x![q]', $type, SEEK_SET, 0, 0, 0;
    fcntl $fh, $command, $lock or return undef;
    return (unpack 's', $lock)[0];
}

sub take { defined lock_with($_[0], F_SETLKW, F_WRLCK) or give_up('lock') }
sub release { defined lock_with($_[0], F_SETLK, F_UNLCK) or give_up('unlock') }

# O_DIRECT because it alone always asks the server: a plain read is answered from the client's page
# cache, and under a delegation so is even the open. Local filesystems want the buffer aligned.
sub read_past_cache {
    my ($file, $length) = @_;
    my $fh;
    unless (sysopen $fh, $file, O_RDONLY | O_DIRECT) {
        # A filesystem in memory may not know the flag; there is no cache in front of it either.
        give_up('open') unless $!{EINVAL};
        sysopen $fh, $file, O_RDONLY or give_up('open');
    }
    my $buffer = '';
    vec($buffer, $length + 8191, 8) = 0;
    my $start = -unpack('J', pack 'p', $buffer) & 4095;
    my $n = sysread $fh, $buffer, $length, $start;
    give_up('read') unless defined $n;
    return substr $buffer, $start, $n;
}

# A server that starts anew has forgotten what it answered. A client that asks again, because the first
# answer was lost on the way, then hears that the old name is not there: the rename was done before.
# An application has to look, as here; the ledger counts how often it had to.
sub done_already {
    my ($file, $wanted) = @_;
    my $why = $! + 0;
    my $done = $!{ENOENT} && (slurp($file) // '') eq $wanted;
    $! = $why;
    return $done;
}

# What is there before the first operation: sequence 0 of everything that has a fixed place.
sub prepare {
    my ($folder) = @_;
    new_file("$folder/append", '');
    new_file("$folder/overwrite", content('overwrite', 0) x $slots);
    new_file("$folder/$_", content($_, 0)) for 'lock', 'held';
    new_file("$folder/rename-$_", content('rename', 0)) for 0 .. $names - 1;
    new_file("$folder/read-$_", content('read', 0)) for 0 .. $names - 1;
    folder_to_disk($folder);
}

# For each work, a function that makes its operation. Files kept open are opened by the first one.
our %operation = (
    create => sub {
        my ($folder) = @_;
        return sub { new_file("$folder/create-$_[0]", content('create', $_[0])) };
    },
    append => sub {
        my ($folder) = @_;
        my ($fh, $end) = (undef, 0);
        return sub {
            $fh ||= kept_open("$folder/append");
            # The end moves with an acknowledgement: what failed half-way is written over.
            write_at($fh, $end, content('append', $_[0]));
            to_disk($fh);
            $end += $bytes{append};
        };
    },
    overwrite => sub {
        my ($folder) = @_;
        my $fh;
        return sub {
            $fh ||= kept_open("$folder/overwrite");
            write_at($fh, $_[0] % $slots * $bytes{overwrite}, content('overwrite', $_[0]));
            to_disk($fh);
        };
    },
    rename => sub {
        my ($folder) = @_;
        return sub {
            my $new = "$folder/rename-new-$_[0]";
            new_file($new, content('rename', $_[0]));
            my $to = "$folder/rename-" . $_[0] % $names;
            my $replayed = !rename $new, $to;
            give_up('rename') if $replayed && !done_already($to, content('rename', $_[0]));
            folder_to_disk($folder);
            return $replayed ? 'replayed' : '';
        };
    },
    read => sub {
        my ($folder) = @_;
        return sub {
            my $got = read_past_cache("$folder/read-" . $_[0] % $names, $bytes{read});
            give_up('read', 'WRONGCONTENT') if $got ne content('read', 0);
        };
    },
    lock => sub {
        my ($folder) = @_;
        my $fh;
        return sub {
            $fh ||= kept_open("$folder/lock");
            take($fh);
            # Whatever happens under the lock, the next operation must find it free.
            my $done = eval { write_at($fh, 0, content('lock', $_[0])); to_disk($fh); 1 };
            my $why = $@;
            release($fh);
            die $why unless $done;
        };
    },
    # Two operations: take the lock, and when told to stop use it once more and let it go.
    held => sub {
        my ($folder) = @_;
        my $fh;
        return sub {
            $fh ||= kept_open("$folder/held");
            take($fh) if $_[0] == 1;
            write_at($fh, 0, content('held', $_[0]));
            to_disk($fh);
            return if $_[0] == 1;
            release($fh);
            close $fh or give_up('close');
        };
    },
);
