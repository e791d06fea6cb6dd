# Reads a JSON list of YAML texts with YAML::PP, a reader of YAML 1.2, and answers with a JSON list.
#
# Of each text it gives {"read": VALUE} or {"error": MESSAGE}. A fraction is {"float": TEXT}: JSON does not tell
# 1.0 from 1, and Perl itself would write it with fewer digits than it has.
use strict;
use warnings;

use B ();
use JSON::PP ();
use YAML::PP ();

my $json = JSON::PP->new->utf8->allow_nonref;
my $yaml = YAML::PP->new(schema => ['Core'], boolean => 'JSON::PP');

# A value as JSON. Perl's numbers and texts turn into each other: the flags tell as what a value was made.
sub plain {
    my ($value) = @_;
    return 'null' unless defined $value;
    return $value ? 'true' : 'false' if JSON::PP::is_bool($value);
    if (ref $value eq 'ARRAY') {
        return '[' . join(',', map { plain($_) } @$value) . ']';
    }
    if (ref $value eq 'HASH') {
        return '{' . join(',', map { $json->encode("$_") . ':' . plain($value->{$_}) } sort keys %$value) . '}';
    }
    my $flags = B::svref_2object(\$value)->FLAGS;
    return $json->encode($value) if $flags & B::SVp_POK;
    return "$value" if $flags & B::SVp_IOK;
    return sprintf '{"float":"%.17g"}', $value;
}

sub answer {
    my ($text) = @_;
    my $read = eval {
        my @documents = $yaml->load_string($text);
        die @documents . " documents\n" unless @documents == 1;
        plain($documents[0]);
    };
    return defined $read ? "{\"read\":$read}" : '{"error":' . $json->encode("$@") . '}';
}

my $texts = $json->decode(do { local $/; <STDIN> });
print '[', join(',', map { answer($_) } @$texts), ']';
