# perl measure.pl LOG COMMAND...: runs the command with its output in LOG and prints one line of JSON:
# its exit status, wall time, and of all its processes (waited for, with those that outlived it, which
# are then ended) the CPU time and the largest peak of resident memory. Perl's core only, which Debian
# always has: Node cannot ask the kernel for the resources of its children.
use strict;
use warnings;

my ($log, @command) = @ARGV;
my %calls = (    # [getrusage, prctl, clock_gettime]
	'x86_64'  => [98,  157, 228],
	'aarch64' => [165, 167, 113],
	'riscv64' => [165, 167, 113],
);
open(my $fh, '-|', 'uname', '-m') or die "uname: $!\n";
chomp(my $machine = <$fh>);
close $fh;
my ($getrusage, $prctl, $clock) = @{ $calls{$machine} or die "no system call numbers for $machine\n" };

sub now {
	my $time = "\0" x 16;
	syscall($clock, 1, $time) == 0 or die "clock_gettime: $!\n";
	my ($s, $ns) = unpack('q2', $time);
	return $s * 1e3 + $ns / 1e6;
}

sub used {
	my $usage = "\0" x 144;
	syscall($getrusage, -1, $usage) == 0 or die "getrusage: $!\n";
	my ($us, $uu, $ss, $su, $rss) = unpack('q5', $usage);
	return (($us + $ss) * 1e3 + ($uu + $su) / 1e3, $rss * 1024);
}

sub children {
	open(my $list, '<', "/proc/$$/task/$$/children") or return ();
	my $line = <$list>;
	return defined $line ? split(' ', $line) : ();
}

# Becomes the parent of what the command leaves behind, so that it is counted too.
syscall($prctl, 36, 1, 0, 0, 0) == 0 or die "prctl: $!\n";
my ($before) = used();
my $began = now();
my $pid = fork() // die "fork: $!\n";
if ($pid == 0) {
	open(STDIN,  '<', '/dev/null');
	open(STDOUT, '>', $log) or exit 127;
	open(STDERR, '>&', \*STDOUT);
	exec { $command[0] } @command or exit 127;
}
$SIG{$_} = sub { kill 'TERM', $pid } for qw(TERM INT HUP);
syscall($prctl, 1, 15, 0, 0, 0);    # the same when the benchmark itself is killed
while (waitpid($pid, 0) < 0 && $!{EINTR}) { }
my $status = $?;
my $wall = now() - $began;
while (my @left = children()) {
	kill 'TERM', @left;
	waitpid($_, 0) for @left;
}
my ($cpu, $rss) = used();
printf qq({"status":%d,"wallMs":%.3f,"cpuMs":%.3f,"peakRssBytes":%d}\n), $status, $wall, $cpu - $before, $rss;
