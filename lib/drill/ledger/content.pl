# What writer and checker share: the content of every write, times, and the ledger's own words.
# Modules of perl-base only: a client of the lab has neither Time::HiRes nor Digest::SHA.
use strict;
use warnings;
use Errno;
use Fcntl qw(:DEFAULT :flock :seek);
use IO::Handle;
use POSIX ();

our $run = '';
# A line is a fraction of a sector, so that a torn write tears between lines.
my $line_bytes = 128;
our %bytes = (create => 8192, append => 1024, overwrite => 4096, rename => 4096, read => 4096,
              lock => 1024, held => 1024);
our $slots = 16;
our $names = 4;

my @crc_table = map {
    my $c = $_;
    $c = $c & 1 ? 0xEDB88320 ^ ($c >> 1) : $c >> 1 for 1 .. 8;
    $c;
} 0 .. 255;

sub crc32 {
    my $c = 0xFFFFFFFF;
    $c = $crc_table[($c ^ $_) & 0xFF] ^ ($c >> 8) for unpack 'C*', $_[0];
    return $c ^ 0xFFFFFFFF;
}

# Every line says whose it is and carries the checksum of that, so that a reader needs no ledger.
sub content {
    my ($work, $sequence, $its_run) = (@_, $run);
    my $lines = $bytes{$work} / $line_bytes;
    my $sum = crc32("$its_run $work $sequence $lines");
    my $format = sprintf '%%-%ds', $line_bytes - 1;
    return join '', map {
        sprintf "$format\n", sprintf '%s %s %d %d/%d %08x', $its_run, $work, $sequence, $_, $lines, $sum
    } 1 .. $lines;
}

# (run, work, sequence) of content that is whole and right; empty where it is not.
sub owner {
    my ($its_run, $work, $sequence) = $_[0] =~ /^(\S+) (\w+) (\d+) 1\// or return;
    return unless $bytes{$work} && $_[0] eq content($work, $sequence, $its_run);
    return ($its_run, $work, $sequence);
}

sub error_name {
    my $number = $! + 0;
    # EAGAIN and EWOULDBLOCK are one number; the first in the alphabet is the usual word.
    for my $name (sort keys %!) { no strict 'refs'; return $name if &{"Errno::$name"}() == $number }
    return "errno $number";
}

# perl-base has no clock finer than a second, so the system is called by number.
my $architecture = (POSIX::uname())[4];
my $clock_gettime = { x86_64 => 228, aarch64 => 113 }->{$architecture}
    or die "expected x86_64 or aarch64, got $architecture\n";

sub clock_us {
    my $time = pack 'q2', 0, 0;
    syscall($clock_gettime, $_[0] + 0, $time) == 0 or die "expected a time, got ", error_name(), "\n";
    my ($seconds, $ns) = unpack 'q2', $time;
    return $seconds * 1_000_000 + int($ns / 1000);
}

# A clock that is set during a drill must make no stall: only the first look is at the wall's.
my $offset_us = clock_us(0) - clock_us(1);

sub now {
    my $us = clock_us(1) + $offset_us;
    return sprintf '%d.%06d', int($us / 1_000_000), $us % 1_000_000;
}

sub pause { select undef, undef, undef, $_[0] }

sub slurp {
    my ($file) = @_;
    sysopen my $fh, $file, O_RDONLY or return undef;
    my $got = '';
    while (1) {
        my $n = sysread $fh, $got, 1 << 20, length $got;
        return undef unless defined $n;
        return $got if $n == 0;
    }
}

# Options come as NAME=VALUE; what is asked for must be there.
sub options {
    my ($words, @needed) = @_;
    my %given = map { /^(\w+)=(.*)$/s ? ($1 => $2) : die "expected NAME=VALUE, got $_\n" } @$words;
    defined $given{$_} or die "expected $_=VALUE, got nothing of that name\n" for @needed;
    return %given;
}

sub json {
    my ($text) = @_;
    $text =~ s/([^ !#-\[\]-~])/sprintf '\\u%04x', ord $1/ge;
    return qq("$text");
}
