# bulk_output.pl DIRECTORY BYTES: writes numbered lines of 64 bytes as fast as possible. Records the
# number of bytes in DIRECTORY/produced, and that of SIGINT in DIRECTORY/interrupts.
use strict;
use warnings;

my ($directory, $total) = @ARGV;

sub record {
    my ($name, $number) = @_;
    open(my $file, '>', "$directory/$name.new") or die "$name: $!";
    syswrite($file, "$number\n");
    close($file);
    rename("$directory/$name.new", "$directory/$name") or die "$name: $!";
}

my $interrupts = 0;
$SIG{INT} = sub { record('interrupts', ++$interrupts) };

my ($line, $produced) = (0, 0);
while ($produced < $total) {
    my $block = join('', map { sprintf("%063d\n", $line + $_) } 0 .. 255);
    $line += 256;
    my $at = 0;
    while ($at < length($block)) {
        # Nothing is written when a signal comes first.
        my $count = syswrite(STDOUT, $block, length($block) - $at, $at);
        $at += $count if defined $count;
    }
    $produced += length($block);
    record('produced', $produced);
}
