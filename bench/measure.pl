# perl measure.pl LOG COMMAND...: runs the command with its output in LOG and prints one line of JSON:
# its exit status, wall time, and of all its processes (waited for, with those that outlived it, which
# are then ended) the CPU time, the largest peak of resident memory, and the most memory that all had
# together when they were looked at; and the CPU time that looking took, which is not in the former.
# Perl's core only, which Debian always has: Node cannot ask the kernel for the resources of its children.
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

sub used {    # 0 is this process, -1 are its children that were waited for
	my ($whose) = @_;
	my $usage = "\0" x 144;
	syscall($getrusage, $whose, $usage) == 0 or die "getrusage: $!\n";
	my ($us, $uu, $ss, $su, $rss) = unpack('q5', $usage);
	return (($us + $ss) * 1e3 + ($uu + $su) / 1e3, $rss * 1024);
}

sub children {    # of all threads of a process
	my ($pid) = @_;
	opendir(my $threads, "/proc/$pid/task") or return ();
	my @found;
	for my $thread (grep { /^\d/ } readdir $threads) {
		open(my $list, '<', "/proc/$pid/task/$thread/children") or next;
		push @found, split(' ', <$list> // '');
	}
	return @found;
}

# What the processes below this one take together, the sampler left out. Memory that they share after
# a fork is in it once (PSS), and the file pages of a program once for all processes that run it: by
# PSS a part of Node's own would count for the benchmark, which runs on Node too.
sub together {
	my @pids = grep { $_ != $$ } children(getppid());
	my ($anonymous, %files) = (0);
	while (defined(my $pid = shift @pids)) {
		push @pids, children($pid);
		open(my $rollup, '<', "/proc/$pid/smaps_rollup") or next;
		my %kb = map { /^(\w+):\s+(\d+)/ } <$rollup>;
		next unless defined $kb{Rss};
		$anonymous += $kb{Pss_Anon};
		my $program = readlink("/proc/$pid/exe") // '';
		my $mapped  = $kb{Rss} - $kb{Anonymous};
		$files{$program} = $mapped if $mapped > ($files{$program} // 0);
	}
	$anonymous += $_ for values %files;
	return $anonymous * 1024;
}

# Looks again and again until it is told to end: every 50 ms, but where looking takes long, as with
# hundreds of processes, no more than a twentieth of the time, and at least once a second.
sub sample {
	my ($to) = @_;
	my $most = 0;
	$SIG{TERM} = sub {
		my ($cpu) = used(0);
		syswrite($to, "$most $cpu");
		exit 0;
	};
	syscall($prctl, 1, 15, 0, 0, 0);
	while (1) {
		my $looked = now();
		my $sum    = together();
		$most = $sum if $sum > $most;
		my $pause = 19 * (now() - $looked);
		select(undef, undef, undef, ($pause < 50 ? 50 : $pause > 1000 ? 1000 : $pause) / 1000);
	}
}

# Becomes the parent of what the command leaves behind, so that it is counted too.
syscall($prctl, 36, 1, 0, 0, 0) == 0 or die "prctl: $!\n";
pipe(my $from, my $to) or die "pipe: $!\n";
my $sampler = fork() // die "fork: $!\n";
sample($to) if $sampler == 0;
close $to;
my ($before) = used(-1);
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
while (my @left = grep { $_ != $sampler } children($$)) {
	kill 'TERM', @left;
	waitpid($_, 0) for @left;
}
my ($cpu, $rss) = used(-1);
kill 'TERM', $sampler;
my ($most, $sampled) = split(' ', <$from> // '0 0');
waitpid($sampler, 0);
# Between two looks one process alone may have had more.
$most = $rss if $most < $rss;
printf qq({"status":%d,"wallMs":%.3f,"cpuMs":%.3f,"peakRssBytes":%d,"togetherBytes":%d,"samplerMs":%.3f}\n),
	$status, $wall, $cpu - $before, $rss, $most, $sampled;
